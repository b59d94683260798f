/** @file Whether a pretrained network makes what PyTorch makes of the same inputs. */
import type { EngineSpec } from '../../storage/records.ts';
import type { FunctionContext } from '../define.ts';
import { encodeOnRunner } from '../encoders/encode-on-runner.ts';
import { type AnyEncoder, signalsMadeBy, type Weights } from '../encoders/encoder.ts';
import type { Check } from './check-files.ts';
import { distanceOf, drawPicture, fingerprint } from './fingerprint.ts';
import type { Golden } from './goldens.ts';
import { judgeOutputs, sanityInputs } from './sanity.ts';

/** bf16 and f16 round so much more coarsely than f32. */
const COARSE = 10;

export interface Trial {
  readonly weights: Weights;
  readonly engine: EngineSpec;
  /** Undefined: nobody has made it. */
  readonly golden: Golden | undefined;
}

/** The outputs beside those of PyTorch; without a golden, what must hold of any encoder. */
export async function checkOutputs(ctx: FunctionContext, encoder: AnyEncoder, trial: Trial): Promise<Check[]> {
  const { weights, engine, golden } = trial;
  const run = (inputs: Parameters<typeof encodeOnRunner>[2]['inputs'], given: Readonly<Record<string, unknown>>) => {
    const options = encoder.options.parse(given) as Record<string, unknown>;
    return encodeOnRunner(ctx, encoder, { options, weights, signals: signalsMadeBy(encoder), inputs, engine });
  };
  if (golden === undefined) {
    const { finite, nearer } = judgeOutputs(await run(sanityInputs(encoder.reads), {}));
    return [
      { name: 'outputs: finite', ok: finite, text: finite ? 'all numbers are finite' : 'some numbers are not finite' },
      // Joints are no directions: a likeness of poses says nothing.
      ...Object.entries(nearer)
        .filter(([signal]) => signal !== 'pose')
        .map(([signal, ok]) => ({
          name: `${signal}: likeness`,
          ok,
          text: ok ? 'two inputs alike give outputs alike' : 'two inputs alike give outputs less alike than two others',
        })),
    ];
  }
  const inputs = golden.inputs.map(input => ('text' in input ? input.text : drawPicture(input.picture)));
  const outputs = await run(inputs, golden.options);
  const coarse = engine.precision === 'f32' ? 1 : COARSE;
  return golden.outputs.flatMap((row, i) =>
    Object.entries(row).map(([signal, expected]) => {
      const array = outputs[i]?.[signal as keyof (typeof outputs)[number]];
      const distance = array === undefined ? Number.POSITIVE_INFINITY : distanceOf(fingerprint(array), expected);
      const most = golden.tolerance * coarse;
      const text =
        array?.shape.join() === expected.shape.join()
          ? `${distance.toPrecision(3)} from PyTorch, at most ${most}`
          : `of the shape [${array?.shape}], PyTorch's is [${expected.shape}]`;
      return { name: `${signal} of input ${i + 1}`, ok: distance <= most, text };
    }),
  );
}
