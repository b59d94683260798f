import { expect, test } from 'vitest';
import { type ArmValues, compareArms } from './differences.ts';
import { HELD_OUT_LOSS } from './measures.ts';

const PICTURES = Array.from({ length: 40 }, (_, i) => `p${i}`);
/** Pictures are unlike: their spread is a hundred times the shift. */
const hardness = (i: number) => ((i * 37) % 40) / 40;

/** A run whose pictures have the loss of their hardness, a shift, and a little that is its own. */
function run(seed: number, shift: number) {
  const own = (i: number) => ((i * 13 + seed * 7) % 11) / 11 / 500;
  const byPicture = new Map(PICTURES.map((id, i) => [id, hardness(i) + shift + own(i)]));
  const value = [...byPicture.values()].reduce((sum, each) => sum + each, 0) / byPicture.size;
  return { seed, measured: { value, byPicture } };
}

const arm = (...shifts: readonly number[]): ArmValues => ({ values: shifts.map((shift, seed) => run(seed, shift)) });

test('a small shift of all pictures is real: pairs of pictures hide what makes a picture hard', () => {
  const found = compareArms(HELD_OUT_LOSS, arm(0, 0, 0), arm(-0.01, -0.0102, -0.0098));
  expect(found).toMatchObject({ real: 'yes', better: true, by: 'pictures', of: 40 });
  expect(found?.mean).toBeCloseTo(-0.01, 3);
});

test('a shift within the spread of the seeds is not real, although the interval excludes 0', () => {
  const found = compareArms(HELD_OUT_LOSS, arm(0, 0.03, -0.03), arm(0.02, 0.05, -0.04));
  expect(found).toMatchObject({ real: 'no', by: 'pictures' });
  expect(found?.low).toBeGreaterThan(0);
  expect(found?.seeds_sd).toBeGreaterThan(0.02);
});

test('with one seed each, a difference is not called real', () => {
  expect(compareArms(HELD_OUT_LOSS, arm(0), arm(-0.1))).toMatchObject({ real: 'unknown', by: 'pictures' });
  const plain = (value: number): ArmValues => ({ values: [{ seed: 0, measured: { value } }] });
  expect(compareArms(HELD_OUT_LOSS, plain(2), plain(1))).toEqual({ mean: -1, real: 'unknown' });
});

test('arms with other pictures are compared by their seeds', () => {
  const others = (...values: readonly number[]): ArmValues => ({
    values: values.map((value, seed) => ({ seed, measured: { value, byPicture: new Map([['x', value]]) } })),
  });
  const found = compareArms(HELD_OUT_LOSS, arm(0, 0, 0), others(0.2, 0.21, 0.2));
  expect(found).toMatchObject({ by: 'seeds', of: 6, real: 'yes', better: true });
});

test('arms with unequal seeds are compared without pairs; an arm that tells nothing is not compared', () => {
  const plain = (...values: readonly number[]): ArmValues => ({
    values: values.map((value, i) => ({ seed: 10 * values.length + i, measured: { value } })),
  });
  expect(compareArms(HELD_OUT_LOSS, plain(1, 1.1, 0.9), plain(2, 2.1))).toMatchObject({
    by: 'seeds',
    of: 5,
    real: 'yes',
  });
  expect(compareArms(HELD_OUT_LOSS, plain(1), { values: [] })).toBeUndefined();
});
