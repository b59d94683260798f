/** @file The table of measures: numbers by which a picture may be left out, each with a rule of its name. */

import { quantity } from '../../configs/quantity.ts';

interface MeasureRow {
  /** A noun phrase. */
  readonly about: string;
  /** In the singular, of whole numbers. */
  readonly unit?: string;
  /** Shares are shown in percent. */
  readonly isShare?: true;
}

/** In the order in which rules are applied: the first that a picture breaks is its reason. */
export const MEASURES = {
  side: { about: 'the shorter side', unit: 'pixel' },
  pixels: { about: 'width times height', unit: 'pixel' },
  aspect: { about: 'the longer side divided by the shorter' },
  cut: { about: 'the share that the crop cuts off', isShare: true },
  enlargement: { about: 'the factor by which it is enlarged; below 1 it becomes smaller' },
  joints_lost: { about: 'the number of joints that the crop loses' },
  blur: { about: 'the sharpness: the variance of the Laplacian' },
  dark: { about: 'the share of pixels that are black', isShare: true },
  bright: { about: 'the share of pixels that are white', isShare: true },
  brightness: { about: 'the mean brightness, from 0 to 1' },
  caption_words: { about: 'the length of the caption', unit: 'word' },
  caption_characters: { about: 'the length of the caption', unit: 'character' },
} as const satisfies Readonly<Record<string, MeasureRow>>;

export type MeasureName = keyof typeof MEASURES;
export const MEASURE_NAMES = Object.keys(MEASURES) as [MeasureName, ...MeasureName[]];

/** A row with all keys of its type. */
export function measureRow(name: MeasureName): MeasureRow {
  return MEASURES[name];
}

/** '12.3', '0.4 %', '640 pixels'. */
export function sayMeasure(name: MeasureName, value: number): string {
  const { isShare, unit } = measureRow(name);
  if (isShare) return `${Number((100 * value).toPrecision(3))} %`;
  return unit === undefined ? String(Number(value.toPrecision(4))) : quantity(value, unit);
}
