import { describe, expect, test } from 'vitest';
import { drawPortrait, type Portrait, portraitSchema } from '../../data/portraits/attributes.ts';
import { drawSvg } from '../../data/portraits/render.ts';
import { coverRgb, encodePng, renderSvgPng, squashRgb } from './image.ts';
import { findNearDuplicates, packMarks } from './near-duplicates.ts';
import { hashDistance, isNearDuplicate, markPicture, type PerceptualMarks, readMarks } from './perceptual-hash.ts';

const markPng = async (png: Uint8Array) => markPicture(await squashRgb(png, 32, 32));
const markPortrait = async (portrait: Portrait, size: number) => markPng(await renderSvgPng(drawSvg(portrait, size)));
const isNear = (a: PerceptualMarks, b: PerceptualMarks) => isNearDuplicate(readMarks(a), readMarks(b));

describe.each([64, 32])('portraits of %i pixels', size => {
  test(`portraits of ${size} pixels that differ in one attribute are not near-duplicates`, async () => {
    for (let i = 0; i < 3; i++) {
      // Long hair or a beard could hide other attributes.
      const base: Portrait = { ...drawPortrait(21, i), hair: 'short', facial_hair: 'none' };
      const marks = await markPortrait(base, size);
      for (const attribute of [
        'expression',
        'glasses',
        'hair',
        'hair_color',
        'clothes_color',
        'background',
        'skin',
      ] as const) {
        for (const value of portraitSchema.shape[attribute].options) {
          if (value === base[attribute]) continue;
          const other = { ...base, [attribute]: value } as Portrait;
          expect(isNear(marks, await markPortrait(other, size)), `${attribute} ${base[attribute]} -> ${value}`).toBe(
            false,
          );
        }
      }
    }
  });

  test(`random portraits of ${size} pixels are never near-duplicates`, async () => {
    const marks = await Promise.all(Array.from({ length: 200 }, (_, i) => markPortrait(drawPortrait(4, i), size)));
    expect([...findNearDuplicates(packMarks(marks))]).toEqual([]);
  });
});

test('scaled and slightly changed copies are near-duplicates', async () => {
  for (let i = 0; i < 10; i++) {
    const png = await renderSvgPng(drawSvg(drawPortrait(8, i), 256));
    const marks = await markPng(png);
    expect(isNear(marks, marks)).toBe(true);
    const half = await encodePng(await coverRgb(png, 128, 128));
    expect(isNear(marks, await markPng(half))).toBe(true);
    const image = await coverRgb(png, 256, 256);
    const grainy = {
      ...image,
      data: image.data.map((value, k) => Math.max(0, Math.min(255, value + ((k * 7919) % 13) - 6))),
    };
    expect(isNear(marks, await markPng(await encodePng(grainy)))).toBe(true);
  }
});

test('hashDistance counts differing bits', () => {
  const thumb = Buffer.alloc(768).toString('base64');
  const marks = (phash: string) => readMarks({ phash, thumb });
  expect(hashDistance(marks('0000000000000000'), marks('ffffffffffffffff'))).toBe(64);
  expect(hashDistance(marks('8000000000000001'), marks('0000000000000000'))).toBe(2);
  expect(hashDistance(marks('00f0000000000000'), marks('0000000000000000'))).toBe(4);
});

test('findNearDuplicates finds the same pairs as comparing all with all', () => {
  let state = 7;
  const random = () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state / 2 ** 32;
  };
  const families = Array.from({ length: 12 }, () => Buffer.from(Array.from({ length: 768 }, () => 256 * random())));
  const marks: PerceptualMarks[] = Array.from({ length: 90 }, () => {
    const family = families[Math.floor(random() * families.length)] ?? Buffer.alloc(768);
    const spread = random() < 0.5 ? 3 : 10;
    const thumb = family.map(value => Math.max(0, Math.min(255, value + (2 * random() - 1) * spread)));
    return {
      phash: random() < 0.9 ? '00000000ffffffff' : 'ffffffff00000000',
      thumb: Buffer.from(thumb).toString('base64'),
    };
  });
  const expected = marks.flatMap((mark, later) =>
    marks.slice(0, later).flatMap((other, earlier) => (isNear(mark, other) ? [later, earlier] : [])),
  );
  expect(expected.length).toBeGreaterThan(20);
  expect([...findNearDuplicates(packMarks(marks))]).toEqual(expected);
  expect([...findNearDuplicates(packMarks([]))]).toEqual([]);
});
