/** @file The attributes of a figure. Figure i of a seed is a pure function of (seed, i). */
import { z } from 'zod';
import { drawUniform, pickOne } from '../random.ts';
import { ACTIVITIES, type ActivityName } from './activities.ts';
import {
  BACKGROUNDS,
  type BackgroundName,
  HAIR_COLORS,
  type HairColorName,
  SKINS,
  type SkinName,
  TOP_COLORS,
  type TopColorName,
} from './palette.ts';

export const BUILDS = { slim: 0.84, average: 1, broad: 1.2 } as const;
export const HAIR_STYLES = ['short', 'long', 'bun', 'afro', 'ponytail', 'bald'] as const;
export const TOPS = ['t-shirt', 'hoodie', 'vest', 'striped shirt', 'jacket', 'dungarees'] as const;
export const HATS = ['cap', 'beanie'] as const;
export const EXPRESSIONS = ['smiling', 'serious', 'surprised'] as const;
export const SCENES = ['plain', 'floor', 'hills', 'stripes'] as const;

/** Share of figures that wear a hat. */
const HAT_SHARE = 0.25;

export type Build = keyof typeof BUILDS;
export type HairStyle = (typeof HAIR_STYLES)[number];
export type Top = (typeof TOPS)[number];
export type Hat = (typeof HATS)[number] | 'none';
export type Expression = (typeof EXPRESSIONS)[number];
export type Scene = (typeof SCENES)[number];

const keysOf = <K extends string>(table: Readonly<Record<K, unknown>>) => Object.keys(table) as [K, ...K[]];

export const figureSchema = z.strictObject({
  activity: z.enum(keysOf(ACTIVITIES)),
  /** Of the person: the arm or leg that the activity is about. */
  side: z.enum(['left', 'right']),
  build: z.enum(keysOf(BUILDS)),
  skin: z.enum(keysOf(SKINS)),
  hair: z.enum(HAIR_STYLES),
  hair_color: z.enum(keysOf(HAIR_COLORS)),
  hat: z.enum(['none', ...HATS]),
  expression: z.enum(EXPRESSIONS),
  top: z.enum(TOPS),
  top_color: z.enum(keysOf(TOP_COLORS)),
  background: z.enum(keysOf(BACKGROUNDS)),
  scene: z.enum(SCENES),
});

/** Attributes of a figure, stored with the item. */
export interface Figure {
  readonly activity: ActivityName;
  readonly side: 'left' | 'right';
  readonly build: Build;
  readonly skin: SkinName;
  readonly hair: HairStyle;
  readonly hair_color: HairColorName;
  readonly hat: Hat;
  readonly expression: Expression;
  readonly top: Top;
  readonly top_color: TopColorName;
  readonly background: BackgroundName;
  readonly scene: Scene;
}

/** `set`: figures to train on. `prompts`: other figures, to evaluate with. */
export type FigureStream = 'set' | 'prompts';

/** What all draws of a figure begin with. */
export type FigureKey = readonly (string | number)[];

export function figureKey(seed: number, index: number, stream: FigureStream = 'set'): FigureKey {
  return ['figures', stream, seed, index];
}

/** Draws the attributes of a figure, each on its own, and uniformly except for hats. */
export function drawFigure(seed: number, index: number, stream: FigureStream = 'set'): Figure {
  const key = figureKey(seed, index, stream);
  const pick = <T>(attribute: string, values: readonly T[]): T => pickOne(values, ...key, attribute);
  return {
    activity: pick('activity', keysOf(ACTIVITIES)),
    side: pick('side', ['left', 'right'] as const),
    build: pick('build', keysOf(BUILDS)),
    skin: pick('skin', keysOf(SKINS)),
    hair: pick('hair', HAIR_STYLES),
    hair_color: pick('hair_color', keysOf(HAIR_COLORS)),
    hat: drawUniform(...key, 'hat?') < HAT_SHARE ? pick('hat', HATS) : 'none',
    expression: pick('expression', EXPRESSIONS),
    top: pick('top', TOPS),
    top_color: pick('top_color', keysOf(TOP_COLORS)),
    background: pick('background', keysOf(BACKGROUNDS)),
    scene: pick('scene', SCENES),
  };
}
