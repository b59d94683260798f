/** @file Which emoji a picture of the set shows, and on which background: a pure function of (seed, i). */
import { z } from 'zod';
import { BACKGROUNDS, type BackgroundName } from '../portraits/palette.ts';
import { pickOne, shuffleAll } from '../random.ts';

export const emojiSchema = z.strictObject({
  /** Code points of Unicode: '1f44b-1f3fb'. */
  code: z.string(),
  name: z.string(),
  group: z.string(),
  background: z.enum(Object.keys(BACKGROUNDS) as [BackgroundName, ...BackgroundName[]]),
});
/** Attributes of a picture, stored with the item. */
export type Emoji = z.infer<typeof emojiSchema>;

/**
 * Codes in the order of a seed: a set of fewer pictures has some of every kind. After the last emoji the first one
 * comes again, on other backgrounds.
 * @param codes In any order.
 */
export function orderCodes(codes: readonly string[], seed: number): string[] {
  return shuffleAll([...codes].sort(), 'emoji', 'order', seed);
}

export function emojiKey(seed: number, index: number): readonly (string | number)[] {
  return ['emoji', 'set', seed, index];
}

export function drawBackground(seed: number, index: number): BackgroundName {
  return pickOne(Object.keys(BACKGROUNDS) as BackgroundName[], ...emojiKey(seed, index), 'background');
}
