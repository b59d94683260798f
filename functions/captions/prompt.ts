/** @file The question that a model is asked about a picture: a template with places to fill in. */
import { listSome } from '../../configs/quantity.ts';
import { LANGUAGE_NAMES, type LanguageCode } from './languages.ts';

/** What is filled into a template. */
export interface PromptFacts {
  /** Fewest and most words of the caption. */
  readonly words: readonly [number, number];
  readonly language: LanguageCode;
  /** What a person or program said of the picture before; empty: nothing. */
  readonly caption: string;
}

/** By the name of the place: its text. */
const PLACES: Readonly<Record<string, (facts: PromptFacts) => string>> = {
  words: ({ words: [least, most] }) => (least === most ? `${most}` : `${least} to ${most}`),
  language: ({ language }) => LANGUAGE_NAMES[language],
  caption: ({ caption }) => caption,
};

const PLACE = /\{([a-z_]+)\}/g;

/** Our template: asks for one dense paragraph of visible facts, without praise and without remarks. */
export const DENSE_PROMPT = [
  'Write the caption of this picture for a data set that trains a model to draw pictures from text.',
  'Write one paragraph of {words} words in {language}: plain sentences, each with facts that can be seen.',
  'Begin with the main subject itself, for example "A woman ..." or "Two red cars ...".',
  'Cover, as far as they can be seen: the subject with build, age group, skin, hair and face; the exact pose, with the',
  'position of head, arms, hands and legs and the direction of the gaze; every garment and accessory with colour,',
  'material and fit; other objects and where they are; the light with its direction, hardness and colour; the',
  'background; the framing (close-up, half length, full length), the camera angle, and the focus.',
  'If there is no person, describe the objects and the place in the same detail.',
  'State only visible facts. Do not guess names, thoughts, relations, events outside the picture, measurements or what',
  'is hidden. Use no words of praise or mood, such as beautiful, stunning or serene, and no comparisons.',
  'Do not mention that there is a picture, a photograph or a viewer. Use no list, heading, quotation or markup.',
  'Give the caption alone, without an introduction and without a closing remark.',
].join('\n');

/** Places of a template that have no meaning. */
export function unknownPlaces(template: string): string[] {
  return [...template.matchAll(PLACE)].flatMap(([, name = '']) => (Object.hasOwn(PLACES, name) ? [] : [name]));
}

/** The names of all places, for messages: `{words}, {language}, {caption}`. */
export const PLACE_NAMES = listSome(
  Object.keys(PLACES).map(name => `{${name}}`),
  Object.keys(PLACES).length,
);

export function fillPrompt(template: string, facts: PromptFacts): string {
  return template.replaceAll(PLACE, (whole, name: string) => PLACES[name]?.(facts) ?? whole);
}
