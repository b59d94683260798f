/** @file The T5s that encode captions (arXiv 1910.10683, 2210.11416), under the names that their hub uses. */
import { z } from 'zod';

/** Numbers of a token's vector, by size. */
const SIZES = { small: 512, base: 768, large: 1024, '3b': 1024, '11b': 1024 } as const;
const GATED_SIZES = { small: 512, base: 768, large: 1024, xl: 2048, xxl: 4096 } as const;

export interface T5Net {
  readonly name: string;
  /** Numbers of a token's vector; absent: an option says it. */
  readonly dim?: number;
}

const family = (prefix: string, sizes: Readonly<Record<string, number>>): T5Net[] =>
  Object.entries(sizes).map(([size, dim]) => ({ name: `${prefix}-${size}`, dim }));

/** The usual one comes first. `t5` is any other. */
export const T5_NETS: readonly T5Net[] = [
  ...family('t5', SIZES).toSorted((a, b) => Number(b.name === 't5-large') - Number(a.name === 't5-large')),
  ...family('t5-v1_1', GATED_SIZES),
  ...family('flan-t5', GATED_SIZES),
  { name: 't5' },
];

/** As in the seed. */
export const T5_TOKENS = 512;
/** Scores of longer texts do not fit into memory: they grow with the square. */
const MOST_TOKENS = 2048;

const tokens = z
  .int()
  .min(2)
  .max(MOST_TOKENS)
  .default(T5_TOKENS)
  .describe('tokens of a text that are read, the end of the sequence included');

export interface T5Options {
  readonly tokens: number;
  readonly dim?: number;
}

/** Options of an encoder. */
export function t5Options({ dim }: T5Net) {
  if (dim !== undefined) return z.strictObject({ tokens });
  return z.strictObject({
    tokens,
    dim: z
      .int()
      .positive()
      .max(2 ** 16)
      .describe('d_model of the weights'),
  });
}
