import { describe, expect, test } from 'vitest';
import { drawPortrait, type Portrait, portraitSchema } from './attributes.ts';
import { captionPortrait } from './captions.ts';
import { freshPrompts } from './prompts.ts';
import { captionsOfPortrait, freePrompts } from './wordings.ts';

const COUNT = 400;
const portraits = Array.from({ length: COUNT }, (_, i) => drawPortrait(1, i));
const captions = portraits.map((portrait, i) => captionsOfPortrait(portrait, 1, i));
const further = portraits.flatMap((attributes, i) => captions[i]!.slice(1).map(prompt => ({ attributes, prompt })));
const free = freePrompts(1, COUNT);

const VALUES = Object.values(portraitSchema.shape).flatMap(({ options }) => options.filter(value => value !== 'none'));
const ANY_VALUE = new RegExp(`\\b(?:${VALUES.join('|')})\\b`, 'g');
const WHOLE = new Map(VALUES.map(value => [value as string, new RegExp(`\\b${value}\\b`)]));

/** Values of any attribute that a text has besides those of its portrait. */
function listOthers(text: string, portrait: Portrait): string[] {
  const own = Object.values(portrait).sort((a, b) => b.length - a.length);
  const rest = own.reduce((left, value) => left.replace(WHOLE.get(value) ?? value, '...'), text);
  return rest.match(ANY_VALUE) ?? [];
}

describe.each([
  ['free prompts', free],
  ['further captions', further],
])('%s', (_, texts) => {
  test('they name the colours, the clothes, the mood and the glasses of their portrait', () => {
    for (const { prompt, attributes } of texts) {
      const { hair_color, clothes_color, background, clothes, expression, glasses } = attributes;
      for (const word of [hair_color, clothes_color, background, clothes, expression]) expect(prompt).toContain(word);
      expect(prompt.includes('glasses'), prompt).toBe(glasses !== 'none');
      expect(prompt).not.toMatch(/undefined|\s{2}|[;,/] *$/);
    }
  });

  test('they name nothing else', () => {
    for (const { prompt, attributes } of texts) expect(listOthers(prompt, attributes), prompt).toEqual([]);
  });
});

test('further captions name the hair style and the beard, too', () => {
  for (const { prompt, attributes } of further) {
    expect(prompt).toContain(attributes.hair);
    expect(/beard|goatee|moustache/.exec(prompt)?.[0] ?? 'none', prompt).toBe(attributes.facial_hair);
  }
});

test('a word too many is noticed', () => {
  const [{ prompt, attributes }] = free as [(typeof free)[number]];
  expect(listOthers(`${prompt} a moustache`, { ...attributes, facial_hair: 'none' })).toContain('moustache');
  expect(listOthers(`${prompt} ${attributes.background}`, attributes)).toContain(attributes.background);
});

test('free prompts ask for the portraits of the fresh prompts', () => {
  expect(free.map(({ attributes }) => attributes)).toEqual(freshPrompts(1, COUNT).map(({ attributes }) => attributes));
});

test('the first caption is the plain one, and the others are the same in every call and in several forms', () => {
  for (const [i, portrait] of portraits.entries()) {
    expect(captions[i]).toHaveLength(4);
    expect(captions[i]![0]).toBe(captionPortrait(portrait, 1, i));
    expect(captionsOfPortrait(portrait, 1, i)).toEqual(captions[i]);
  }
  const distinct = captions.map(each => new Set(each).size);
  expect(distinct.reduce((sum, each) => sum + each, 0) / COUNT).toBeGreaterThan(3.3);
  expect(captionsOfPortrait(portraits[0]!, 2, 0)).not.toEqual(captions[0]);
});

test('no caption is a free prompt, or has the words that tie values to their places in free forms', () => {
  const ties =
    /\bbehind\b|dressed in a \w+ [\w-]+, hair|dyed|backdrop|-haired| \/ |screen|coloured|surroundings|scene|gone/i;
  const asked = new Set(free.map(({ prompt }) => prompt));
  for (const { prompt } of free) expect(prompt).toMatch(ties);
  for (const caption of captions.flat()) {
    expect(caption).not.toMatch(ties);
    expect(asked).not.toContain(caption);
  }
});
