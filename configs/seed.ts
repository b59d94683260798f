/**
 * @file Seeds of random numbers: whole numbers of 64 bits, as other tools draw them. JSON numbers are exact up to
 * 2^53 - 1, so a larger seed is kept as its decimal digits.
 */
import { z } from 'zod';

/** Such as 7, or "18446744073709551615". A seed has one form: digits only beyond the numbers that are exact. */
export type Seed = number | string;

/** Asks POST /sample to draw a seed. */
export const RANDOM_SEED = -1;

const LARGEST = 2n ** 64n - 1n;
const DIGITS = /^\d{1,20}$/;

/** @param least The smallest number. @param others What the error says about random seeds. */
function seedFrom(least: number, others: string) {
  const error = `expected a whole number from 0 to ${LARGEST}; ${others}`;
  const isSeed = (text: string) => BigInt(text) <= LARGEST;
  return z
    .union(
      [
        z.int({ error }).min(least, { error }).max(Number.MAX_SAFE_INTEGER, { error }),
        z.string().regex(DIGITS, { error, abort: true }).refine(isSeed, { error }),
      ],
      { error },
    )
    .overwrite(seed => (typeof seed === 'string' ? canonicalSeed(seed) : seed));
}

/** A seed that decides the result. */
export const seedSchema = seedFrom(0, `POST /sample alone draws a random one, with seed ${RANDOM_SEED}`);

/** A seed, or {@link RANDOM_SEED}. */
export const drawableSeedSchema = seedFrom(RANDOM_SEED, `${RANDOM_SEED} draws a random one`);

/** The one form of a seed. A text that is not a seed stays as it is. */
function canonicalSeed(text: string): Seed {
  if (!DIGITS.test(text)) return text;
  const value = BigInt(text);
  return value <= Number.MAX_SAFE_INTEGER ? Number(value) : String(value);
}

/** A reviver for JSON.parse: keeps the digits of a `seed` that a JSON number would round. */
export function keepSeed(key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  const isRounded = key === 'seed' && typeof value === 'number' && !Number.isSafeInteger(value);
  return isRounded && source !== undefined && DIGITS.test(source) ? source : value;
}

/** A large seed in the text of a document. */
const LARGE_SEED = /"seed"\s*:\s*\d{16}/;

/** `JSON.parse` that keeps large seeds exact. @throws SyntaxError */
export function parseWithSeeds(text: string): unknown {
  return restoreSeeds(JSON.parse(text), text);
}

/** The value with the seeds as the text has them. @param value Was parsed from the text; not nested too deeply. */
export function restoreSeeds(value: unknown, text: string): unknown {
  // The types of TypeScript lack the third parameter of a reviver (ES2026, in Node 22).
  return LARGE_SEED.test(text) ? JSON.parse(text, keepSeed as (key: string, value: unknown) => unknown) : value;
}

/** Of the noise of large sets, in which a picture that is drawn again has the next one. */
export const setSeedSchema = z
  .int()
  .nonnegative()
  .max(2 ** 31)
  .default(42)
  .describe('seed of the noise');
