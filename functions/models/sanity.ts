/** @file What must hold of any encoder, for networks of which nobody has made a golden. */
import type { EncodedArray, EncodedSignals, EncoderInputs, EncoderSource } from '../encoders/encoder.ts';
import { drawPicture } from './fingerprint.ts';

/** Three inputs: the second means nearly the same as the first, the third something else. */
export function sanityInputs(reads: EncoderSource): readonly EncoderInputs[EncoderSource][] {
  if (reads === 'caption') {
    return [
      'a woman with red hair in front of a green wall',
      'in front of a green wall stands a woman whose hair is red',
      'the quarterly report of the bank lists seven risks',
    ];
  }
  const size = { width: 112, height: 112 };
  const first = drawPicture({ seed: 1, ...size });
  const noisy = { ...first, data: first.data.map((x, i) => Math.min(255, Math.max(0, x + ((i * 7) % 5) - 2))) };
  return [first, noisy, drawPicture({ seed: 7, ...size })];
}

/** Whether all numbers are finite; whether the first output is nearer to the second than to the third, by signal. */
export function judgeOutputs(outputs: readonly EncodedSignals[]): { finite: boolean; nearer: Record<string, boolean> } {
  const [first = {}, second = {}, third = {}] = outputs;
  const arrays = outputs.flatMap(row => Object.values(row)).filter(array => array !== undefined);
  const finite = arrays.length > 0 && arrays.every(({ data }) => data.length > 0 && data.every(Number.isFinite));
  const nearer = Object.entries(first).flatMap(([signal, array]) => {
    const [a, b, c] = [array, second[signal as never], third[signal as never]].map(each => each && meanOf(each));
    return a && b && c ? [[signal, cosine(a, b) > cosine(a, c)] as const] : [];
  });
  return { finite, nearer: Object.fromEntries(nearer) };
}

/** The mean over all but the last axis. */
function meanOf({ shape, data }: EncodedArray): number[] {
  const width = shape.at(-1) ?? 1;
  const mean = new Array<number>(width).fill(0);
  for (const [i, x] of data.entries()) mean[i % width] = (mean[i % width] ?? 0) + x;
  return mean;
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const product = (x: readonly number[], y: readonly number[]) => x.reduce((sum, v, i) => sum + v * (y[i] ?? 0), 0);
  return product(a, b) / Math.sqrt(product(a, a) * product(b, b));
}
