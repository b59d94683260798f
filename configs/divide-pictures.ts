/** @file Whether pictures divide into the patches of a model. */
import { Unprocessable } from '../errors.ts';
import { joinWords } from './join-words.ts';
import { greatestDivisor } from './side-unit.ts';

/** Pixels. */
interface Size {
  readonly width: number;
  readonly height: number;
}

/** Sizes that an error names. */
const MOST_NAMED = 8;

/**
 * @param key Key of the side in the config, for the error. @param side Pixels of a patch.
 * @throws Unprocessable that names the sizes that do not divide, and the sides that divide all of them.
 */
export function checkDivision(sizes: readonly Size[], key: string, side: number): void {
  const undivided = sizes.filter(({ width, height }) => width % side !== 0 || height % side !== 0);
  if (undivided.length === 0) return;
  const names = [...new Set(undivided.map(({ width, height }) => `${width} x ${height}`))];
  const named = names.slice(0, MOST_NAMED);
  const more = names.length > MOST_NAMED ? [`${names.length - MOST_NAMED} other sizes`] : [];
  throw new Unprocessable(
    `pictures of ${joinWords([...named, ...more])} do not divide into patches of ${side} pixels`,
    {
      expected: `${key} that divides both sides of all pictures: ${divisorsOf(sizes).join(', ')}`,
      hint: `choose another ${key}, or prepare the pictures with "quantum": ${side}`,
    },
  );
}

/** Sides of patches that divide all sizes, in rising order. */
function divisorsOf(sizes: readonly Size[]): number[] {
  const common = sizes.reduce((all, { width, height }) => greatestDivisor(greatestDivisor(all, width), height), 0);
  return Array.from({ length: common }, (_, i) => i + 1).filter(side => common % side === 0);
}
