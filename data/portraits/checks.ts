/** @file Whether a picture shows the attributes of its portrait: the columns of the demo's table. */

import type { RgbPixels } from '../pixels.ts';
import type { Portrait } from './attributes.ts';
import { type MeasuredPortrait, measurePortrait } from './measure.ts';

/** A picture, and the attributes that it should show. */
export interface KnownPortrait {
  readonly attributes: Portrait;
  readonly pixels: RgbPixels;
}

const CHECKS = {
  background: (attributes, shown) => shown.background === attributes.background,
  clothes: (attributes, shown) => shown.clothes_color === attributes.clothes_color,
  hair: (attributes, shown) => shown.hair_color === attributes.hair_color,
  glasses: (attributes, shown) => shown.glasses === (attributes.glasses !== 'none'),
} as const satisfies Record<string, (attributes: Portrait, shown: MeasuredPortrait) => boolean>;

export type Attribute = keyof typeof CHECKS;
export const ATTRIBUTES = Object.keys(CHECKS) as readonly Attribute[];

/** Number of pictures that show what their attributes say. */
export function countRight(portraits: readonly KnownPortrait[]): Record<Attribute, number> {
  const right = { background: 0, clothes: 0, hair: 0, glasses: 0 };
  for (const { attributes, pixels } of portraits) {
    const shown = measurePortrait(pixels);
    for (const name of ATTRIBUTES) if (CHECKS[name](attributes, shown)) right[name]++;
  }
  return right;
}
