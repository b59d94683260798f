/**
 * @file The colours of the portraits: names that people use, far enough apart in RGB that a picture can be measured.
 */
import type { Palette } from '../pixels.ts';

/** Six hexadecimal digits each, as DiceBear takes them. */
export const SKINS = {
  pale: 'ffdfc8',
  light: 'f0bf94',
  tan: 'd0935f',
  brown: 'a0673d',
  dark: '6e4632',
} as const satisfies Palette;

/** Each is at least 50 (Euclidean, of 255) from every other hair colour, every skin and every background. */
export const HAIR_COLORS = {
  black: '17151a',
  brown: '4b2410',
  red: 'c4261d',
  blonde: 'e6c84f',
  grey: '85898f',
  white: 'f7f7f7',
  pink: 'e8559b',
  blue: '2f62d9',
} as const satisfies Palette;

export const CLOTHES_COLORS = {
  navy: '1f2f6c',
  red: 'd1342f',
  white: 'f2f2f2',
  black: '22252b',
  green: '2f8f4e',
  yellow: 'f7c531',
  purple: '7d3fb0',
  orange: 'f0842a',
} as const satisfies Palette;

export const BACKGROUNDS = {
  'light blue': 'a9d6f5',
  mint: 'a6efb4',
  yellow: 'fff08c',
  pink: 'ffc2dd',
  lavender: 'b794f0',
  coral: 'ff8a70',
  teal: '2a9d8f',
  green: '6cc24a',
} as const satisfies Palette;

/** All frames have this colour, so that glasses differ from hair and eyes. */
export const GLASSES_COLOR = '262e33';

export type SkinName = keyof typeof SKINS;
export type HairColorName = keyof typeof HAIR_COLORS;
export type ClothesColorName = keyof typeof CLOTHES_COLORS;
export type BackgroundName = keyof typeof BACKGROUNDS;
