import type { Shape } from '../../compiler/tensor.ts';
import type { BatchShape } from '../../model/batch.ts';
import type { Params } from '../../model/params.ts';
import type { LossParts } from './loss-term.ts';
import { columnInputsOf, type LossTerm } from './losses.ts';

/** The parts of a graph that the loss names among its needs. @throws TypeError when it reads another part. */
export function limitParts(
  { name, needs }: LossTerm,
  params: Params,
  { batch, height, width, textTokens: tokens }: BatchShape,
  parts: Omit<LossParts, 'frozen' | 'column'>,
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
