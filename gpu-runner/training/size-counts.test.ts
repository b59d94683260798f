import { expect, it } from 'vitest';
import { countSizes } from './size-counts.ts';

it('counts pictures by size, without fillers', () => {
  const [wide, square] = [
    { width: 96, height: 64 },
    { width: 64, height: 64 },
  ];
  expect(countSizes([wide, square, wide, wide], [true, true, true, false])).toEqual({
    'size/96x64': 2,
    'size/64x64': 1,
  });
});
