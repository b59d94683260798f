import { expect, it } from 'vitest';
import { peakTogether } from './peak-together.ts';

it('programs that keep nothing take as much together as the largest takes alone', () => {
  expect(
    peakTogether([
      { peakBytes: 50, besideBytes: 5 },
      { peakBytes: 30, besideBytes: 0 },
    ]),
  ).toBe(55);
});

it('what one program keeps is there while another one runs: shared memory once, its own in any case', () => {
  const gradient = { peakBytes: 50, besideBytes: 5, sharedBytes: 35, ownBytes: 5 };
  const update = { peakBytes: 30, besideBytes: 0, sharedBytes: 10, ownBytes: 2 };
  expect(peakTogether([gradient, update])).toBe(18 + 35 + 5 + 2);
});
