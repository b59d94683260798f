/**
 * @file The colours of the figures. Each segment of a limb has a colour of its own that nothing else in a picture has,
 * so that joints can be read back from pixels. The left limbs of a person differ from the right ones.
 */
import { type Palette, type Rgb, rgbOf } from '../pixels.ts';

/** A segment lies between two joints. Left and right are those of the person. */
export const SEGMENTS = {
  left_upper_arm: 'd81e2c',
  left_forearm: 'ff8a12',
  right_upper_arm: '1d3fd0',
  right_forearm: '18b6ea',
  left_thigh: '7a1fa8',
  left_shin: 'f03ec0',
  right_thigh: '0b6b35',
  right_shin: '7ed321',
} as const satisfies Palette;
export type SegmentName = keyof typeof SEGMENTS;
export const SEGMENT_NAMES = Object.keys(SEGMENTS) as readonly SegmentName[];

export const SKINS = {
  pale: 'ffdfc8',
  light: 'efc09c',
  tan: 'cf9a74',
  brown: '99684a',
  dark: '6b4634',
} as const satisfies Palette;

export const HAIR_COLORS = {
  black: '1b1a1f',
  brown: '4f3220',
  blonde: 'e2c56a',
  grey: '8d9097',
  white: 'fbfbfb',
} as const satisfies Palette;

/** Of the garment on the trunk. */
export const TOP_COLORS = {
  white: 'f6f6f6',
  black: '24262b',
  grey: '80858c',
  yellow: 'ffe135',
  teal: '1a9e96',
  navy: '2b3480',
  brown: '6b4226',
  beige: 'd8c3a0',
} as const satisfies Palette;

/** Pale, so that no background is taken for a limb. */
export const BACKGROUNDS = {
  'light blue': 'bfe0f7',
  mint: 'bdeccb',
  cream: 'fbf3cf',
  pink: 'fad0dc',
  lavender: 'd6cbf5',
  grey: 'c9ccd1',
  peach: 'fcd5b5',
  aqua: 'a9e5e1',
} as const satisfies Palette;

export const SHOE_COLOR = '33363d';

export type SkinName = keyof typeof SKINS;
export type HairColorName = keyof typeof HAIR_COLORS;
export type TopColorName = keyof typeof TOP_COLORS;
export type BackgroundName = keyof typeof BACKGROUNDS;

/** A colour times a factor: darker below 1. @returns Six hexadecimal digits. */
export function shade(hex: string, factor: number): string {
  return hexOf(rgbOf(hex).map(value => value * factor));
}

/** A colour on its way to white: 0 the colour, 1 white. @returns Six hexadecimal digits. */
export function tint(hex: string, share: number): string {
  return hexOf(rgbOf(hex).map(value => value + (255 - value) * share));
}

function hexOf(channels: readonly number[]): string {
  return channels
    .map(value =>
      Math.max(0, Math.min(255, Math.round(value)))
        .toString(16)
        .padStart(2, '0'),
    )
    .join('');
}

/** Colours of everything that is not a limb, darker and lighter shades included. */
export const OTHER_COLORS: readonly Rgb[] = [
  ...Object.values(SKINS),
  ...Object.values(HAIR_COLORS),
  ...Object.values(TOP_COLORS),
  ...Object.values(BACKGROUNDS),
  ...Object.values(BACKGROUNDS).map(color => shade(color, 0.86)),
  ...Object.values(TOP_COLORS).map(color => shade(color, 0.8)),
  SHOE_COLOR,
].map(rgbOf);
