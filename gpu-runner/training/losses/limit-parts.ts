import type { Shape } from '../../compiler/tensor.ts';
import type { Value } from '../../compiler/trace.ts';
import type { BatchShape } from '../../model/batch.ts';
import type { Params } from '../../model/params.ts';
import type { AveragedPass } from './averaged-pass.ts';
import type { LossParts } from './loss-term.ts';
import { columnInputsOf, type LossTerm } from './losses.ts';

/** The parts of a graph without the needs of one loss. */
interface LimitedParts extends Omit<LossParts, 'frozen' | 'column' | 'averaged'> {
  averaged(pass: AveragedPass): Value;
}

/** The parts of a graph that the loss names among its needs. @throws TypeError when it reads another part. */
export function limitParts(
  { name, needs }: LossTerm,
  params: Params,
  { batch, height, width, textTokens: tokens }: BatchShape,
  parts: LimitedParts,
): LossParts {
  const check = (isNeeded: boolean | undefined, part: string) => {
    if (!isNeeded) throw new TypeError(`the loss ${name} reads ${part} and does not name it among its needs`);
  };
  return {
    ...parts,
    tap(block) {
      check(needs?.taps?.includes(block), `the tap ${block}`);
      return parts.tap(block);
    },
    averaged() {
      const pass = needs?.averaged;
      if (pass === undefined)
        throw new TypeError(`the loss ${name} reads a pass of averaged weights without naming it`);
      return parts.averaged(pass);
    },
    frozen(net) {
      check(needs?.frozen?.includes(net), `the frozen net ${net}`);
      return (param, shape) => params.frozen(net, param, shape);
    },
    column(column) {
      const shapeOf = needs?.columns?.[column];
      check(shapeOf !== undefined, `the column ${column}`);
      const inputs = columnInputsOf(column);
      const input = (input: string, axes: Shape) =>
        params.builder.input(input, { shape: [batch, ...axes], dtype: 'f32' });
      const axes = shapeOf?.({ height, width, tokens }) ?? [];
      return { value: input(inputs.value, axes), present: input(inputs.present, []) };
    },
  };
}
