/**
 * @file Other wordings than those of captions.ts. FREE forms are for evaluation: no caption has them. VARIED forms are
 * for training, as further captions of a picture; none of them is a free form. Text i of a seed is a pure function of
 * (seed, i).
 */

import { pickOne, shuffleAll } from '../random.ts';
import { drawPortrait, type Portrait } from './attributes.ts';
import { captionPortrait } from './captions.ts';
import type { FreshPrompt } from './prompts.ts';

/** What is said of a portrait, without a word for its place in a sentence. */
interface Words {
  readonly skin: string;
  readonly hair: string;
  readonly style: string;
  readonly clothes: string;
  readonly dye: string;
  readonly background: string;
  readonly mood: string;
  /** 'round glasses', or an empty text. */
  readonly glasses: string;
  /** 'a beard', or an empty text. */
  readonly beard: string;
}

type Form = (words: Words, shuffle: (parts: readonly string[]) => string[]) => string;

/** The parts that say something, joined. */
const join = (parts: readonly string[], between: string) => parts.filter(part => part !== '').join(between);
const spoken = (text: string, before: string) => (text === '' ? '' : `${before}${text}`);

const FREE: readonly Form[] = [
  (w, shuffle) =>
    join(
      shuffle([
        `behind: ${w.background}`,
        `hair: ${w.hair}, ${w.style}`,
        `on the body: ${w.dye} ${w.clothes}`,
        `face: ${join([w.mood, w.glasses, w.beard], ', ')}`,
        `skin: ${w.skin}`,
      ]),
      '; ',
    ),
  w =>
    `Dressed in a ${w.dye} ${w.clothes}, hair dyed ${w.hair}, everything behind is ${w.background}. ` +
    `${join([w.mood, w.glasses, w.beard], ', ')}.`,
  (w, shuffle) =>
    shuffle([
      `${w.background} backdrop`,
      `${w.hair}-haired`,
      `${w.dye} ${w.clothes}`,
      w.style,
      w.mood,
      w.glasses,
      w.beard,
    ])
      .filter(part => part !== '')
      .join(' / '),
  w =>
    `Show me somebody ${w.mood} whose ${w.style} is ${w.hair}, before a plain ${w.background} screen. ` +
    `The ${w.clothes} they put on: ${w.dye}. ${spoken(join([w.glasses, w.beard], ' and '), 'Also ')}`,
  w =>
    `${w.clothes} coloured ${w.dye}; ${w.style} coloured ${w.hair}; surroundings coloured ${w.background}; ` +
    join([w.mood, w.glasses, w.beard, `${w.skin} complexion`], '; '),
  w =>
    `I want the scene filled with ${w.background}. ${spoken(w.glasses, 'Put on ')}${w.glasses && '. '}` +
    `My model has gone ${w.hair} (${w.style}) and picked ${w.dye} for the ${w.clothes}, ${w.mood}.`,
];

const VARIED: readonly Form[] = [
  w =>
    `The background is ${w.background}, the hair is ${w.hair} and the ${w.clothes} is ${w.dye}: ` +
    `a ${w.mood} person with ${join([`${w.skin} skin`, w.glasses, w.beard], ' and ')}, ${w.style}.`,
  w =>
    `A person in front of something ${w.background}. Their hair, ${w.style}, has the colour ${w.hair}. ` +
    `They wear ${w.clothes} in ${w.dye}. ${join([w.mood, w.glasses, w.beard], ', ')}.`,
  (w, shuffle) =>
    join(
      shuffle([
        `background = ${w.background}`,
        `hair colour = ${w.hair}`,
        `hair style = ${w.style}`,
        `clothes = ${w.clothes}, ${w.dye}`,
        spoken(w.glasses, 'glasses = '),
        spoken(w.beard, 'facial hair = '),
        `expression = ${w.mood}`,
      ]),
      ', ',
    ),
  w =>
    `${w.mood}, with hair of a ${w.hair} colour (${w.style}), against ${w.background}, ` +
    `clothed in ${w.dye} (${w.clothes})${spoken(w.glasses, ', wearing ')}${spoken(w.beard, ', with ')}.`,
  w =>
    `A wall painted ${w.background}; a ${w.dye} garment, namely a ${w.clothes}; ` +
    `a head of ${w.hair} hair, ${w.style}; ${join([w.mood, w.glasses, w.beard, `${w.skin} skin`], '; ')}.`,
  w =>
    `Someone ${w.hair}, ${w.style}, ${w.mood}. ${w.dye} is what their ${w.clothes} looks like, ` +
    `and ${w.background} is all around. ${join([w.glasses, w.beard], ', ')}`,
];

/** An evaluation prompt of portrait i of the stream `prompts`: the same attributes as `freshPrompts`, freely worded. */
export function freePrompts(seed: number, count: number): FreshPrompt[] {
  return Array.from({ length: count }, (_, index) => {
    const attributes = drawPortrait(seed, index, 'prompts');
    return { prompt: word(FREE, attributes, ['portraits', 'free', seed, index]), attributes };
  });
}

/** Further captions of a portrait in varied wording. */
const FURTHER_CAPTIONS = 3;

/** The caption of a portrait of the set, then further ones in varied wording. Some may be equal. */
export function captionsOfPortrait(portrait: Portrait, seed: number, index: number): string[] {
  const further = Array.from({ length: FURTHER_CAPTIONS }, (_, i) => varyCaption(portrait, seed, index, i + 1));
  return [captionPortrait(portrait, seed, index), ...further];
}

function varyCaption(portrait: Portrait, seed: number, index: number, variant: number): string {
  return word(VARIED, portrait, ['portraits', 'varied', seed, index, variant]);
}

function word(forms: readonly Form[], portrait: Portrait, key: readonly (string | number)[]): string {
  const { skin, hair_color: hair, hair: style, clothes, clothes_color: dye, background, expression: mood } = portrait;
  const text = pickOne(
    forms,
    ...key,
    'form',
  )(
    {
      skin,
      hair,
      style,
      clothes,
      dye,
      background,
      mood,
      glasses: portrait.glasses === 'none' ? '' : `${portrait.glasses} glasses`,
      beard: portrait.facial_hair === 'none' ? '' : `a ${portrait.facial_hair}`,
    },
    parts => shuffleAll(parts, ...key, 'order'),
  );
  return text.trim();
}
