/**
 * @file Makes captions of figures in varied wording and order. Caption `variant` of figure i of a seed is a pure
 * function of all three. Each names a side of the person, so that no picture is mirrored in training.
 */
import { article, upper, withArticles } from '../phrases.ts';
import { drawUniform, pickOne, shuffleAll } from '../random.ts';
import { ACTIVITIES, type Activity, type ActivityName } from './activities.ts';
import {
  type Build,
  type Expression,
  type Figure,
  type FigureKey,
  type FigureStream,
  figureKey,
} from './attributes.ts';

/** Number of captions that each picture of the set has. */
export const CAPTION_VARIANTS = 3;

/** `{near}` is the side that the activity is about, `{far}` the other side. */
const DOING: Readonly<Record<ActivityName, readonly string[]>> = {
  standing: ['standing upright with both arms down', 'standing still, arms at the sides', 'standing with hanging arms'],
  cheering: ['cheering with both arms up', 'with both arms raised high', 'throwing both arms into the air'],
  'star jump': ['doing a star jump', 'in a star jump with arms and legs spread', 'spreading arms and legs like a star'],
  't-pose': ['standing with both arms stretched out to the sides', 'in a T-pose', 'with arms held out level'],
  'hands on hips': ['standing with both hands on the hips', 'hands on hips', 'with the hands resting on the hips'],
  flexing: ['flexing both arms', 'showing off the muscles of both arms', 'with both elbows bent and fists up'],
  squatting: ['squatting with the arms held out', 'in a wide squat', 'doing a deep squat with bent knees'],
  waving: ['waving with the {near} hand', 'waving, the {near} hand up', 'lifting the {near} hand to wave'],
  pointing: [
    'pointing with the {near} arm',
    'with the {near} arm stretched out',
    'pointing sideways with the {near} arm',
  ],
  'arm raised': [
    'with the {near} arm raised and the {far} hand on the hip',
    'raising the {near} arm, the {far} hand on the hip',
    'with the {far} hand on the hip and the {near} arm up',
  ],
  kicking: [
    'kicking with the {near} leg',
    'with the {near} leg kicked up sideways',
    'doing a side kick with the {near} leg',
  ],
  lunging: [
    'lunging onto the {near} leg',
    'in a side lunge with the {near} knee bent',
    'with a bent {near} knee in a lunge',
  ],
  balancing: [
    'balancing on the {far} leg',
    'standing on the {far} leg alone, the {near} foot at the knee',
    'in a tree pose on the {far} leg',
  ],
  dancing: [
    'dancing with the {near} arm up',
    'dancing, the {near} knee bent',
    'in the middle of a dance, {near} arm high',
  ],
};

const BUILD: Readonly<Record<Build, readonly string[]>> = {
  slim: ['slim ', 'thin '],
  average: [''],
  broad: ['broad ', 'stocky '],
};

const EXPRESSION: Readonly<Record<Expression, readonly string[]>> = {
  smiling: ['smiling', 'cheerful'],
  serious: ['serious', 'calm'],
  surprised: ['surprised', 'astonished'],
};

const HAIR: Readonly<Record<Figure['hair'], readonly string[]>> = {
  short: ['short {c} hair', 'cropped {c} hair'],
  long: ['long {c} hair', 'straight long {c} hair'],
  bun: ['{c} hair in a bun', 'a {c} bun'],
  afro: ['a {c} afro', 'a round {c} afro'],
  ponytail: ['a {c} ponytail', '{c} hair in a ponytail'],
  bald: ['a bald head', 'no hair'],
};

/** The colours of the limbs, which are those of every figure. */
const LIMBS = [
  'the left sleeve is red and orange, the right sleeve blue and cyan',
  'purple and pink on the left leg, green and lime on the right leg',
  'red left sleeve, blue right sleeve',
  'a red left arm and a blue right arm, a purple left leg and a green right leg',
] as const;

const BACKGROUND = ['on a {c} background', 'against a {c} background', 'in front of a {c} background'] as const;

interface Phrases {
  /** 'slim smiling person'. */
  readonly person: string;
  readonly doing: string;
  readonly looks: string;
  readonly clothes: string;
  readonly place: string;
  readonly limbs: string;
}

const TEMPLATES: readonly ((p: Phrases) => string)[] = [
  p => `${article(p.person)} with ${p.looks} in ${p.clothes}, ${p.doing}, ${p.place}; ${p.limbs}.`,
  p => `${p.place}, ${article(p.person)} in ${p.clothes} ${p.doing}. They have ${p.looks}; ${p.limbs}.`,
  p => `${article(p.person)} ${p.doing}, wearing ${p.clothes}, with ${p.looks}, ${p.place}. ${upper(p.limbs)}.`,
  p => `A drawing of ${article(p.person)} ${p.doing} ${p.place}, in ${p.clothes}, with ${p.looks}, ${p.limbs}.`,
  p => `${upper(p.doing)}: ${article(p.person)} ${p.place} in ${p.clothes} with ${p.looks}; ${p.limbs}.`,
];

/** A caption of at most 64 words with activity, clothes and background, and always with a side of the person. */
export function captionFigure(
  figure: Figure,
  seed: number,
  index: number,
  variant = 0,
  stream: FigureStream = 'set',
): string {
  const key: FigureKey = [...figureKey(seed, index, stream), 'caption', variant];
  const pick = (table: readonly string[], part: string, color = '') =>
    withArticles(pickOne(table, ...key, part).replace('{c}', color));
  const far = figure.side === 'left' ? 'right' : 'left';
  const doing = pick(DOING[figure.activity], 'doing').replaceAll('{near}', figure.side).replaceAll('{far}', far);
  const hat = figure.hat === 'none' ? '' : ` under a ${figure.hat}`;
  const phrases: Phrases = {
    person: `${pick(BUILD[figure.build], 'build')}${pick(EXPRESSION[figure.expression], 'expression')} person`,
    doing,
    looks: shuffleAll(
      [`${figure.skin} skin`, pick(HAIR[figure.hair], 'hair', figure.hair_color) + hat],
      ...key,
      'order',
    ).join(' and '),
    clothes: withArticles(
      figure.top === 'dungarees' ? `${figure.top_color} dungarees` : `a ${figure.top_color} ${figure.top}`,
    ),
    place: pick(BACKGROUND, 'place', figure.background),
    limbs: pick(LIMBS, 'limbs'),
  };
  const activity: Activity = ACTIVITIES[figure.activity];
  // A caption whose activity names a side may do without the colours of the limbs.
  const isBrief = !activity.isSymmetric && drawUniform(...key, 'brief?') < 0.5;
  const written = pickOne(TEMPLATES, ...key, 'template')(phrases);
  return upper(isBrief ? dropLimbs(written, phrases.limbs) : written);
}

function dropLimbs(caption: string, limbs: string): string {
  const at = caption.lastIndexOf(caption.includes(limbs) ? limbs : upper(limbs));
  return `${caption.slice(0, at).replace(/[,;. ]+$/, '')}.`;
}

/** Different captions of a figure of the set, the one of variant 0 first. */
export function captionsOfFigure(figure: Figure, seed: number, index: number): string[] {
  const all = Array.from({ length: CAPTION_VARIANTS }, (_, variant) => captionFigure(figure, seed, index, variant));
  return [...new Set(all)];
}
