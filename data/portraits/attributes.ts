/** @file The attributes of a portrait. Portrait i of a seed is a pure function of (seed, i). */
import { z } from 'zod';
import { drawUniform, pickOne } from '../random.ts';
import {
  BACKGROUNDS,
  type BackgroundName,
  CLOTHES_COLORS,
  type ClothesColorName,
  HAIR_COLORS,
  type HairColorName,
  SKINS,
  type SkinName,
} from './palette.ts';

/** Our names of hair styles -> components of DiceBear's avataaars that draw them. */
export const HAIR_STYLES = {
  bob: 'bob',
  bun: 'bun',
  'big curls': 'curly',
  'long waves': 'curvy',
  dreadlocks: 'dreads',
  afro: 'fro',
  'long straight': 'straight01',
  'shoulder-length': 'straightAndStrand',
  spiky: 'dreads02',
  quiff: 'frizzle',
  mullet: 'shaggyMullet',
  'short curls': 'shortCurly',
  short: 'shortFlat',
  cropped: 'theCaesar',
} as const;

export const FACIAL_HAIR = { beard: 'beardMajestic', goatee: 'beardLight', moustache: 'moustacheMagnum' } as const;

export const GLASSES = { round: 'round', square: 'prescription02' } as const;

export const EXPRESSIONS = {
  smiling: { mouth: 'smile', eyes: 'default', eyebrows: 'defaultNatural' },
  serious: { mouth: 'serious', eyes: 'default', eyebrows: 'flatNatural' },
  sad: { mouth: 'sad', eyes: 'default', eyebrows: 'sadConcernedNatural' },
  surprised: { mouth: 'disbelief', eyes: 'surprised', eyebrows: 'raisedExcitedNatural' },
  angry: { mouth: 'grimace', eyes: 'squint', eyebrows: 'angryNatural' },
  winking: { mouth: 'smile', eyes: 'wink', eyebrows: 'defaultNatural' },
} as const;

export const CLOTHES = {
  blazer: 'blazerAndShirt',
  sweater: 'collarAndSweater',
  hoodie: 'hoodie',
  'crew-neck': 'shirtCrewNeck',
  'scoop-neck': 'shirtScoopNeck',
  'v-neck': 'shirtVNeck',
} as const;

export type HairStyle = keyof typeof HAIR_STYLES;
export type FacialHair = keyof typeof FACIAL_HAIR | 'none';
export type Glasses = keyof typeof GLASSES | 'none';
export type Expression = keyof typeof EXPRESSIONS;
export type Clothes = keyof typeof CLOTHES;

const keysOf = <K extends string>(table: Readonly<Record<K, unknown>>) => Object.keys(table) as [K, ...K[]];

export const portraitSchema = z.strictObject({
  skin: z.enum(keysOf(SKINS)),
  hair: z.enum(keysOf(HAIR_STYLES)),
  hair_color: z.enum(keysOf(HAIR_COLORS)),
  facial_hair: z.enum(['none', ...keysOf(FACIAL_HAIR)]),
  glasses: z.enum(['none', ...keysOf(GLASSES)]),
  expression: z.enum(keysOf(EXPRESSIONS)),
  clothes: z.enum(keysOf(CLOTHES)),
  clothes_color: z.enum(keysOf(CLOTHES_COLORS)),
  background: z.enum(keysOf(BACKGROUNDS)),
});

/** Attributes of a portrait, stored with the item. snake_case, as in all stored JSON. */
export interface Portrait {
  readonly skin: SkinName;
  readonly hair: HairStyle;
  readonly hair_color: HairColorName;
  readonly facial_hair: FacialHair;
  readonly glasses: Glasses;
  readonly expression: Expression;
  readonly clothes: Clothes;
  readonly clothes_color: ClothesColorName;
  readonly background: BackgroundName;
}

/** Share of portraits with glasses, and with facial hair. */
export const GLASSES_SHARE = 0.5;
export const FACIAL_HAIR_SHARE = 0.2;

/** `set`: portraits to train on. `prompts`: other portraits, to evaluate with. */
export type PortraitStream = 'set' | 'prompts';

/** Draws the attributes of portrait `index` of a seed, independently; uniform except for glasses and facial hair. */
export function drawPortrait(seed: number, index: number, stream: PortraitStream = 'set'): Portrait {
  const key = ['portraits', stream, seed, index] as const;
  const pick = <K extends string>(attribute: string, table: Readonly<Record<K, unknown>>): K =>
    pickOne(keysOf(table), ...key, attribute);
  return {
    skin: pick('skin', SKINS),
    hair: pick('hair', HAIR_STYLES),
    hair_color: pick('hair_color', HAIR_COLORS),
    facial_hair: drawUniform(...key, 'facial_hair?') < FACIAL_HAIR_SHARE ? pick('facial_hair', FACIAL_HAIR) : 'none',
    glasses: drawUniform(...key, 'glasses?') < GLASSES_SHARE ? pick('glasses', GLASSES) : 'none',
    expression: pick('expression', EXPRESSIONS),
    clothes: pick('clothes', CLOTHES),
    clothes_color: pick('clothes_color', CLOTHES_COLORS),
    background: pick('background', BACKGROUNDS),
  };
}
