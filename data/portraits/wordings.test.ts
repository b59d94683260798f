import { expect, test } from 'vitest';
import { drawPortrait } from './attributes.ts';
import { captionPortrait } from './captions.ts';
import { freshPrompts } from './prompts.ts';
import { freePrompts, varyCaption } from './wordings.ts';

const COUNT = 400;
const portraits = Array.from({ length: COUNT }, (_, i) => drawPortrait(1, i));
const varied = portraits.map((portrait, i) => varyCaption(portrait, 1, i, 1));

test('free prompts and further captions name the colours, the clothes and the glasses of their portrait', () => {
  const free = freePrompts(1, COUNT);
  expect(free.map(({ attributes }) => attributes)).toEqual(freshPrompts(1, COUNT).map(({ attributes }) => attributes));
  const all = [...free, ...portraits.map((attributes, i) => ({ attributes, prompt: varied[i] ?? '' }))];
  for (const { prompt, attributes } of all) {
    const { hair_color, clothes_color, background, clothes, glasses } = attributes;
    for (const word of [hair_color, clothes_color, background, clothes]) expect(prompt).toContain(word);
    expect(prompt.includes('glasses'), prompt).toBe(glasses !== 'none');
    expect(prompt).not.toMatch(/undefined|\s{2}|[;,/] *$/);
  }
});

test('no caption has the words that tie values to their places in free forms', () => {
  const ties =
    /\bbehind\b|dressed in a \w+ [\w-]+, hair|dyed|backdrop|-haired| \/ |screen|coloured|surroundings|scene|gone/i;
  for (const { prompt } of freePrompts(1, COUNT)) expect(prompt).toMatch(ties);
  for (const [i, portrait] of portraits.entries()) {
    expect(captionPortrait(portrait, 1, i)).not.toMatch(ties);
    for (const variant of [1, 2, 3]) expect(varyCaption(portrait, 1, i, variant)).not.toMatch(ties);
  }
  expect(new Set([1, 2, 3].map(variant => varyCaption(portraits[0]!, 1, 0, variant))).size).toBeGreaterThan(1);
});
