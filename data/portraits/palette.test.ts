import { expect, test } from 'vitest';
import { nearestName, type Palette, rgbOf, squaredDistance } from '../pixels.ts';
import { BACKGROUNDS, CLOTHES_COLORS, HAIR_COLORS, SKINS } from './palette.ts';

function closest(a: Palette, b: Palette): number {
  const distances = Object.entries(a).flatMap(([name, color]) =>
    Object.entries(b).flatMap(([other, otherColor]) =>
      a === b && name === other ? [] : [Math.sqrt(squaredDistance(rgbOf(color), rgbOf(otherColor)))],
    ),
  );
  return Math.min(...distances);
}

test.each([
  ['hair from hair', HAIR_COLORS, HAIR_COLORS, 50],
  ['hair from skin', HAIR_COLORS, SKINS, 50],
  ['hair from background', HAIR_COLORS, BACKGROUNDS, 55],
  ['background from background', BACKGROUNDS, BACKGROUNDS, 65],
  ['clothes from clothes', CLOTHES_COLORS, CLOTHES_COLORS, 60],
  ['skin from skin', SKINS, SKINS, 55],
])('colours of the palettes are far apart: %s', (_, a, b, distance) => {
  expect(closest(a, b)).toBeGreaterThan(distance);
});

test('nearestName finds the nearest entry of a palette', () => {
  expect(nearestName(HAIR_COLORS, [250, 250, 250])).toBe('white');
  expect(nearestName(HAIR_COLORS, rgbOf(HAIR_COLORS.pink))).toBe('pink');
  expect(rgbOf('0a64ff')).toEqual([10, 100, 255]);
});
