import { expect, test } from 'vitest';
import { drawPortrait, type Portrait, portraitSchema } from './attributes.ts';

const drawMany = (seed: number, count: number) => Array.from({ length: count }, (_, i) => drawPortrait(seed, i));

test('portrait i of a seed is a pure function of both', () => {
  expect(drawPortrait(1, 5)).toEqual(drawPortrait(1, 5));
  expect(drawPortrait(1, 5)).not.toEqual(drawPortrait(1, 6));
  expect(drawPortrait(1, 5)).not.toEqual(drawPortrait(2, 5));
  expect(drawPortrait(1, 5, 'prompts')).not.toEqual(drawPortrait(1, 5));
});

test('every portrait fits the stored schema', () => {
  for (const portrait of drawMany(3, 200)) expect(portraitSchema.parse(portrait)).toEqual(portrait);
});

test('all values of an attribute are drawn about equally often', () => {
  const portraits = drawMany(1, 8000);
  for (const attribute of Object.keys(portraitSchema.shape) as (keyof Portrait)[]) {
    const values = portraitSchema.shape[attribute].options.filter(value => value !== 'none');
    const drawn = portraits.filter(portrait => portrait[attribute] !== 'none');
    for (const value of values) {
      const count = drawn.filter(portrait => portrait[attribute] === value).length;
      const expected = drawn.length / values.length;
      // Five standard deviations of a binomial.
      expect(Math.abs(count - expected), `${attribute} ${value}`).toBeLessThan(5 * Math.sqrt(expected));
    }
  }
  const share = (attribute: keyof Portrait) =>
    portraits.filter(portrait => portrait[attribute] !== 'none').length / portraits.length;
  expect(share('glasses')).toBeCloseTo(0.5, 1);
  expect(share('facial_hair')).toBeCloseTo(0.2, 1);
});

test('attributes are drawn independently of each other', () => {
  const portraits = drawMany(2, 8000);
  const both = portraits.filter(({ hair, glasses }) => hair === 'afro' && glasses === 'round').length;
  // 1 of 14 hair styles, 1 of 4 kinds of glasses (half of the portraits have none).
  expect(Math.abs(both - 8000 / 56)).toBeLessThan(5 * Math.sqrt(8000 / 56));
});
