import { describe, expect, test } from 'vitest';
import { drawPortrait, type Portrait } from './attributes.ts';
import { captionPortrait } from './captions.ts';
import { BACKGROUNDS, CLOTHES_COLORS, HAIR_COLORS } from './palette.ts';
import { freshPrompts } from './prompts.ts';

const COUNT = 3000;
const all: readonly { readonly portrait: Portrait; readonly caption: string }[] = Array.from(
  { length: COUNT },
  (_, i) => {
    const portrait = drawPortrait(1, i);
    return { portrait, caption: captionPortrait(portrait, 1, i) };
  },
);

/** Patterns that read a caption independently: the colours before a noun of each kind. */
const HAIR_NOUNS = 'hair|bob|bun|curls|waves|dreadlocks|afro|quiff|mullet|buzz';
const CLOTHES_NOUNS = 'blazer|jacket|sweater|hoodie|hooded|crew-neck|scoop-neck|top|v-neck|t-shirt';
const either = (table: object) => Object.keys(table).join('|');
const read = {
  hair: new RegExp(`\\b(${either(HAIR_COLORS)}) (?:${HAIR_NOUNS})\\b`, 'gi'),
  clothes: new RegExp(`\\b(${either(CLOTHES_COLORS)}) (?:${CLOTHES_NOUNS})\\b`, 'gi'),
  background: new RegExp(`\\b(${either(BACKGROUNDS)}) (?:background|wall)\\b`, 'gi'),
  skin: /\b(\w+) skin\b/gi,
};
const colorsIn = (pattern: RegExp, caption: string) =>
  [...caption.matchAll(pattern)].map(match => match[1]?.toLowerCase());

describe('captions are true and complete', () => {
  test('a caption has the colours of hair, clothes, background and skin, each once', () => {
    for (const { portrait, caption } of all) {
      expect(colorsIn(read.hair, caption), caption).toEqual([portrait.hair_color]);
      expect(colorsIn(read.clothes, caption), caption).toEqual([portrait.clothes_color]);
      expect(colorsIn(read.background, caption), caption).toEqual([portrait.background]);
      expect(colorsIn(read.skin, caption), caption).toEqual([portrait.skin]);
    }
  });

  test('a caption names glasses if there are any, and sometimes denies them if there are none', () => {
    let denied = 0;
    for (const { portrait, caption } of all) {
      if (portrait.glasses === 'none') {
        if (/no glasses/i.test(caption)) denied++;
        else expect(caption).not.toMatch(/glasses/i);
      } else {
        expect(caption).toMatch(new RegExp(portrait.glasses, 'i'));
        expect(caption).toMatch(/glasses/i);
        expect(caption).not.toMatch(/no glasses/i);
      }
    }
    expect(denied / all.filter(({ portrait }) => portrait.glasses === 'none').length).toBeCloseTo(0.4, 1);
  });

  test('a caption names facial hair if there is any', () => {
    for (const { portrait, caption } of all) {
      const named = /\b(beard|goatee|moustache)\b/i.exec(caption)?.[1]?.toLowerCase() ?? 'none';
      expect(named, caption).toBe(portrait.facial_hair);
    }
  });

  test('a caption names the expression', () => {
    const words: Readonly<Record<Portrait['expression'], RegExp>> = {
      smiling: /smil|happy|happily|cheerful/i,
      serious: /serious|straight face/i,
      sad: /\bsad|unhappy/i,
      surprised: /surprise|astonished/i,
      angry: /angr/i,
      winking: /wink/i,
    };
    for (const { portrait, caption } of all) expect(caption).toMatch(words[portrait.expression]);
  });
});

test('captions read well: at most 60 words, capital first, right articles', () => {
  for (const { caption } of all) {
    expect(caption.split(/\s+/).length).toBeLessThanOrEqual(60);
    expect(caption).toMatch(/^[A-Z]/);
    expect(caption).not.toMatch(/\ba [aeiou]/i);
    expect(caption).not.toMatch(/\ban [^aeiou]/i);
    expect(caption).not.toMatch(/\{|\}|undefined| {2}|,,| ,/);
  }
});

test('captions vary in wording and order', () => {
  expect(new Set(all.map(({ caption }) => caption)).size).toBeGreaterThan(0.99 * COUNT);
  // Twenty captions of one portrait.
  const portrait = drawPortrait(1, 0);
  const descriptions = new Set(Array.from({ length: 20 }, (_, i) => captionPortrait(portrait, 9, i)));
  expect(descriptions.size).toBeGreaterThan(17);
});

test('a longer list of fresh prompts begins with the shorter one, and no prompt is a caption of the set', () => {
  const prompts = freshPrompts(1, 300);
  expect(freshPrompts(1, 100)).toEqual(prompts.slice(0, 100));
  const captions = new Set(all.map(({ caption }) => caption));
  expect(prompts.filter(({ prompt }) => captions.has(prompt))).toEqual([]);
  const [first] = prompts;
  expect(first?.attributes).toEqual(drawPortrait(1, 0, 'prompts'));
});
