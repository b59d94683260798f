import { expect, test } from 'vitest';
import { type Features, rowsOf, takeRows } from '../../metrics/features.ts';
import { RandomStream } from '../../numerics/random-stream.ts';
import { measureCopying } from './measure-copying.ts';

const DIM = 6;

function draw(rows: number, seed: number, scale = 1): Features {
  const data = new Float32Array(rows * DIM);
  new RandomStream(seed, 'sample').fillNormal(data);
  return { dim: DIM, data: data.map(value => value * scale) };
}

const training = draw(300, 1);
const heldOut = draw(240, 2);
const clusters = Array.from({ length: 300 }, (_, row) => String(row));
const measure = (drawn: Features) => measureCopying({ drawn, heldOut, training, clusters });

/** Training pictures with a little noise on them. */
function copy(count: number): Features {
  const rows = takeRows(
    training,
    Array.from({ length: count }, (_, i) => i),
  );
  return { dim: DIM, data: rows.data.map((value, i) => value + (i % 2 === 0 ? 0.05 : -0.05)) };
}

test('a good model is as authentic as held-out pictures, and its C_T is about 0', () => {
  const { authentic, data_copying: copying } = measure(draw(300, 3));
  expect(authentic?.drawn.rate).toBeGreaterThan(authentic?.held_out?.low ?? 1);
  expect(authentic?.drawn.rate).toBeLessThan(authentic?.held_out?.high ?? 0);
  for (const found of [copying?.drawn, copying?.held_out]) {
    expect(found?.cells).toBe(3);
    expect(Math.abs(found?.score ?? Number.NaN)).toBeLessThan(3 * (found?.sd ?? 0));
  }
});

test('a model that copies is not authentic, and its C_T is far below 0', () => {
  const { authentic, data_copying: copying } = measure(copy(300));
  expect([authentic?.drawn.rate, authentic?.drawn.pictures]).toEqual([0, 300]);
  expect(copying?.drawn?.score).toBeLessThan(-6);
});

test('a model that underfits is more authentic than held-out pictures, and its C_T is far above 0', () => {
  const { authentic, data_copying: copying } = measure(draw(300, 4, 2));
  expect(authentic?.drawn.low).toBeGreaterThan(authentic?.held_out?.high ?? 1);
  expect(copying?.drawn?.score).toBeGreaterThan(4);
});

test('without held-out pictures there is no floor and no C_T; few pictures have no C_T', () => {
  const alone = measureCopying({ drawn: copy(60), training, clusters });
  expect([alone.authentic?.held_out, alone.data_copying]).toEqual([null, null]);
  const few = { dim: DIM, data: heldOut.data.subarray(0, 30 * DIM) };
  expect(rowsOf(few)).toBe(30);
  expect(measureCopying({ drawn: copy(40), heldOut: few, training, clusters }).data_copying?.held_out).toBeNull();
  expect(measureCopying({ drawn: copy(15), heldOut, training, clusters }).data_copying?.drawn).toBeNull();
  const same = clusters.map(() => 'one');
  expect(measureCopying({ drawn: copy(60), heldOut, training, clusters: same }).authentic).toBeNull();
});
