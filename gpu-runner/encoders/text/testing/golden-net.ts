/** @file Networks of testdata/, what Hugging Face transformers makes of rows of tokens, and how near a graph comes. */
import { readFileSync } from 'node:fs';
import { decodeSafetensors } from '../../../../formats/safetensors.ts';
import type { TextTokenizer } from '../../../../formats/tokenizer.ts';

export interface GoldenNet {
  readonly file: Uint8Array;
  /** Ids of the tokens of each row. */
  readonly rows: readonly (readonly number[])[];
  /** Vectors of the tokens of each row, one after the other. */
  readonly outputs: readonly Float32Array[];
}

export function readGoldenNet(name: string): GoldenNet {
  const file = new Uint8Array(readFileSync(new URL(`../testdata/${name}.safetensors`, import.meta.url)));
  const { tensors } = decodeSafetensors(file, each => each.startsWith('golden.'));
  const { 'golden.ids': ids, 'golden.lengths': lengths, 'golden.output': output } = tensors;
  if (output?.dtype !== 'f32') throw new TypeError(`${name} has no output`);
  const [, length = 0, dim = 0] = output.shape;
  return {
    file,
    rows: [...(lengths?.data ?? [])].map((count, row) => [
      ...(ids?.data.subarray(row * length, row * length + count) ?? []),
    ]),
    outputs: [...(lengths?.data ?? [])].map((count, row) =>
      output.data.slice(row * length * dim, (row * length + count) * dim),
    ),
  };
}

/** Reads ids that are written in a text: "3 17 4". */
export const digitTokenizer: TextTokenizer = {
  specials: 0,
  count: text => text.split(' ').length,
  encode: (text, most) => text.split(' ').map(Number).slice(0, most),
};

/** Size of the difference, relative to that of the golden. */
export function relativeError(made: ArrayLike<number>, golden: ArrayLike<number>): number {
  if (made.length !== golden.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (let i = 0; i < golden.length; i++) {
    difference += ((made[i] ?? 0) - (golden[i] ?? 0)) ** 2;
    size += (golden[i] ?? 0) ** 2;
  }
  return Math.sqrt(difference / size);
}
