/**
 * @file Makes captions from attributes, in varied wording and order. Caption i of a seed is a pure function of (seed,
 * i).
 */

import { article, list, upper, withArticles } from '../phrases.ts';
import { drawUniform, pickOne, shuffleAll } from '../random.ts';
import type { Clothes, Expression, FacialHair, Glasses, HairStyle, Portrait, PortraitStream } from './attributes.ts';

// A colour stands next to its noun. So an encoder that sees only neighbouring words can bind them.
const HAIR: Readonly<Record<HairStyle, readonly string[]>> = {
  bob: ['a {c} bob', '{c} hair in a bob', 'a chin-length {c} bob'],
  bun: ['{c} hair in a bun', 'a {c} bun', '{c} hair tied up in a bun'],
  'big curls': ['big curly {c} hair', 'voluminous {c} curls', 'big {c} curls'],
  'long waves': ['long wavy {c} hair', 'long {c} waves', 'wavy {c} hair worn long'],
  dreadlocks: ['long {c} dreadlocks', '{c} dreadlocks', '{c} hair in dreadlocks'],
  afro: ['a big {c} afro', 'a {c} afro', 'a round {c} afro'],
  'long straight': ['long straight {c} hair', 'straight {c} hair worn long'],
  'shoulder-length': [
    'shoulder-length {c} hair',
    '{c} hair down to the shoulders',
    'shoulder-length straight {c} hair',
  ],
  spiky: ['spiky {c} hair', 'wild spiky {c} hair', '{c} hair in messy spikes'],
  quiff: ['a {c} quiff', '{c} hair swept up in a quiff', 'shaved sides and a {c} quiff'],
  mullet: ['a {c} mullet', 'a shaggy {c} mullet', '{c} hair cut in a mullet'],
  'short curls': ['short curly {c} hair', 'short {c} curls'],
  short: ['short {c} hair', '{c} hair cut short'],
  cropped: ['cropped {c} hair', 'closely cropped {c} hair', 'a {c} buzz cut'],
};

const FACIAL_HAIR: Readonly<Record<FacialHair, readonly string[]>> = {
  none: [],
  beard: ['a beard', 'a full beard', 'a big beard'],
  goatee: ['a goatee', 'a small goatee'],
  moustache: ['a moustache', 'a thick moustache'],
};

const GLASSES: Readonly<Record<Glasses, readonly string[]>> = {
  none: ['no glasses'],
  round: ['round glasses', 'round-rimmed glasses', 'glasses with round frames'],
  square: ['square glasses', 'square-framed glasses', 'glasses with square frames'],
};

/** Share of portraits without glasses whose caption says "no glasses". */
const NO_GLASSES_SHARE = 0.4;

interface ExpressionWords {
  /** Used before a noun, or alone in a list. */
  readonly adjective: readonly string[];
  /** Used after a comma. */
  readonly phrase: readonly string[];
}

const EXPRESSION: Readonly<Record<Expression, ExpressionWords>> = {
  smiling: {
    adjective: ['smiling', 'cheerful', 'happy'],
    phrase: ['smiling', 'with a big smile', 'smiling happily', 'looking happy'],
  },
  serious: {
    adjective: ['serious', 'serious-looking'],
    phrase: ['looking serious', 'with a serious expression', 'with a straight face'],
  },
  sad: {
    adjective: ['sad', 'sad-looking', 'unhappy'],
    phrase: ['looking sad', 'with a sad expression', 'frowning sadly'],
  },
  surprised: {
    adjective: ['surprised', 'astonished'],
    phrase: ['looking surprised', 'with a surprised expression', 'wide-eyed with surprise'],
  },
  angry: {
    adjective: ['angry', 'angry-looking'],
    phrase: ['looking angry', 'with an angry expression', 'angrily baring their teeth'],
  },
  winking: {
    adjective: ['winking'],
    phrase: ['winking', 'with a wink', 'winking with a smile'],
  },
};

const CLOTHES: Readonly<Record<Clothes, readonly string[]>> = {
  blazer: ['a {c} blazer', 'a {c} blazer over a light shirt', 'a {c} jacket'],
  sweater: ['a {c} sweater with a collar', 'a {c} sweater over a collared shirt', 'a {c} sweater'],
  hoodie: ['a {c} hoodie', 'a {c} hooded sweater'],
  'crew-neck': ['a {c} crew-neck shirt', 'a {c} crew-neck', 'a plain {c} t-shirt'],
  'scoop-neck': ['a {c} scoop-neck shirt', 'a {c} scoop-neck top', 'a {c} top with a wide neckline'],
  'v-neck': ['a {c} v-neck shirt', 'a {c} v-neck', 'a {c} v-neck top'],
};

const BACKGROUND = [
  'on a {c} background',
  'against a {c} background',
  'in front of a {c} background',
  'in front of a {c} wall',
] as const;

/** Finished phrases that a template joins. */
interface Phrases {
  /** Skin, hair, facial hair and glasses, in any order. */
  readonly features: readonly string[];
  readonly adjective: string;
  readonly phrase: string;
  readonly clothes: string;
  /** 'on a teal background'. */
  readonly place: string;
  /** 'teal background'. */
  readonly background: string;
}

type Key = readonly (string | number)[];

const TEMPLATES: readonly ((p: Phrases, key: Key) => string)[] = [
  p => `${article(p.adjective)} person with ${list(p.features)}, in ${p.clothes} ${p.place}.`,
  p => `A person with ${list(p.features)}, ${p.phrase}, wearing ${p.clothes} ${p.place}.`,
  p => `${p.place}, a person in ${p.clothes} with ${list(p.features)}, ${p.phrase}.`,
  p => `Portrait of ${article(p.adjective)} person ${p.place}, with ${list(p.features)}, dressed in ${p.clothes}.`,
  p => `Someone in ${p.clothes} ${p.place}, ${p.phrase}. They have ${list(p.features)}.`,
  p => `A person ${p.place} who has ${list(p.features)} and wears ${p.clothes}, ${p.phrase}.`,
  p => `${article(p.adjective)} person in ${p.clothes}, with ${list(p.features)}, ${p.place}.`,
  p => `An avatar with ${list(p.features)}, ${p.phrase}, in ${p.clothes} ${p.place}.`,
  p => `${p.clothes}, ${list(p.features)}: a portrait of ${article(p.adjective)} person ${p.place}.`,
  (p, key) =>
    shuffleAll([...p.features, p.adjective, p.clothes.replace(/^an? /, ''), p.background], ...key, 'tags').join(', '),
];

/** A caption of at most 60 words with every attribute. Missing facial hair or glasses may go unsaid. */
export function captionPortrait(
  portrait: Portrait,
  seed: number,
  index: number,
  stream: PortraitStream = 'set',
): string {
  const key = ['portraits', stream, seed, index, 'caption'] as const;
  const words = (table: readonly string[], part: string, color = '') =>
    withArticles(pickOne(table, ...key, part).replace('{c}', color));
  const features = [`${portrait.skin} skin`, words(HAIR[portrait.hair], 'hair', portrait.hair_color)];
  if (portrait.facial_hair !== 'none') features.push(words(FACIAL_HAIR[portrait.facial_hair], 'facial hair'));
  if (portrait.glasses !== 'none' || drawUniform(...key, 'no glasses?') < NO_GLASSES_SHARE) {
    features.push(words(GLASSES[portrait.glasses], 'glasses'));
  }
  const { adjective, phrase } = EXPRESSION[portrait.expression];
  const phrases: Phrases = {
    features: shuffleAll(features, ...key, 'order'),
    adjective: words(adjective, 'adjective'),
    phrase: words(phrase, 'phrase'),
    clothes: words(CLOTHES[portrait.clothes], 'clothes', portrait.clothes_color),
    place: words(BACKGROUND, 'place', portrait.background),
    background: `${portrait.background} background`,
  };
  const caption = pickOne(TEMPLATES, ...key, 'template')(phrases, key);
  return upper(caption);
}
