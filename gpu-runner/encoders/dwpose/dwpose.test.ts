/** The numbers in testdata/golden.json are NumPy's, of 200 random pictures and network outputs: make-golden.py. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { cropPerson, frameOf } from './crop-person.ts';
import { decodeJoints } from './decode-joints.ts';
import { countPlaces, cutToPicture, findPersons, largestPerson } from './detections.ts';
import { letterbox } from './letterbox.ts';
import { samplePlane } from './sample-picture.ts';

interface Case {
  readonly seed: number;
  readonly height: number;
  readonly width: number;
  readonly letterbox: string;
  readonly persons: number;
  readonly box?: readonly number[];
  readonly crop?: string;
  readonly mean?: number;
  readonly pose?: readonly number[];
}
const cases: readonly Case[] = JSON.parse(readFileSync(new URL('testdata/golden.json', import.meta.url), 'utf8'));

const CANVAS = { height: 64, width: 96 };
const CROP = { height: 32, width: 24 };
const JOINTS = 5;

/** The linear congruential generator of make-golden.py. */
function createDraws(seed: number) {
  let state = seed;
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
  return {
    next,
    units: (count: number) => Array.from({ length: count }, () => next() / 2 ** 32),
    levels: (count: number) => Uint8Array.from({ length: count }, () => next() >>> 24),
  };
}

const digest = (levels: Float32Array) =>
  createHash('sha256').update(Uint8Array.from(levels, Math.round)).digest('hex').slice(0, 12);

/** Everything that NumPy computed of a case, by our functions. */
function compute({ seed }: Case): Case {
  const draws = createDraws(seed);
  const height = 3 + (draws.next() % 90);
  const width = 3 + (draws.next() % 90);
  const picture = { data: draws.levels(3 * height * width), height, width };
  const { data, ratio } = letterbox(picture, CANVAS.height, CANVAS.width);
  const raw = Float32Array.from(draws.units(countPlaces(CANVAS) * 7));
  for (let row = 0; row < raw.length; row += 7) {
    for (let i = 0; i < 2; i++) raw[row + i] = raw[row + i]! * 4 - 1;
    for (let i = 2; i < 4; i++) raw[row + i] = raw[row + i]! * 3 - 1;
    raw[row + 4] = raw[row + 4]! ** (seed % 7 ? 8 : 60);
  }
  const persons = cutToPicture(findPersons(raw, 2, CANVAS, ratio, 0.3), picture);
  const whole = { seed, height, width, letterbox: digest(data), persons: persons.length };
  const person = largestPerson(persons);
  if (person === undefined) return whole;
  const { left, top, right, bottom } = person.box;
  const frame = frameOf(person.box, CROP);
  const crop = cropPerson(picture, frame, CROP);
  const area = CROP.height * CROP.width;
  const [mean, deviation] = [
    [123.675, 116.28, 103.53],
    [58.395, 57.12, 57.375],
  ];
  const levels = crop.map((x, i) => x * deviation[Math.floor(i / area)]! + mean[Math.floor(i / area)]!);
  const scores = (size: number) => Float32Array.from(draws.units(JOINTS * size * 2), x => x * 1.1 - 0.2);
  const [x, y] = [scores(CROP.width), scores(CROP.height)];
  const ofJoint = (rows: Float32Array, joint: number, change: (score: number) => number) => {
    const length = rows.length / JOINTS;
    rows.set(rows.subarray(joint * length, (joint + 1) * length).map(change), joint * length);
  };
  ofJoint(x, 1, score => score * 0.2);
  ofJoint(y, 2, score => -Math.abs(score));
  for (const rows of [x, y]) ofJoint(rows, 3, score => score * 2);
  return {
    ...whole,
    box: [left, top, right, bottom],
    crop: digest(levels),
    mean: crop.reduce((sum, value) => sum + value, 0) / crop.length,
    pose: [...decodeJoints({ x, y }, JOINTS, frame, picture, 0.3)],
  };
}

describe('DWPose beside its networks', () => {
  test('200 random pictures and outputs give what NumPy makes of them', () => {
    expect(cases).toHaveLength(200);
    for (const golden of cases) {
      const found = compute(golden);
      const { box, mean, pose, ...exact } = golden;
      const { box: ownBox, mean: ownMean, pose: ownPose, ...ownExact } = found;
      expect(ownExact, `case ${golden.seed}`).toEqual(exact);
      const numbers = [...(box ?? []), ...(pose ?? []), mean ?? 0];
      const own = [...(ownBox ?? []), ...(ownPose ?? []), ownMean ?? 0];
      expect(own).toHaveLength(numbers.length);
      const worst = Math.max(...numbers.map((x, i) => Math.abs(x - (own[i] ?? Number.NaN))));
      expect(worst, `case ${golden.seed}`).toBeLessThan(2e-4);
    }
    // The cases have what is easily got wrong.
    expect(cases.filter(({ persons }) => persons === 0).length).toBeGreaterThan(10);
    expect(cases.filter(({ box, width }) => box?.[0] === 0 || box?.[2] === width).length).toBeGreaterThan(50);
  });

  test('the detector reads blue first, on a grey canvas', () => {
    const picture = { data: Uint8Array.of(10, 20, 30), height: 1, width: 1 };
    const { data, ratio } = letterbox(picture, 2, 4);
    expect(ratio).toBe(2);
    expect([...data]).toEqual([30, 20, 10].flatMap(level => [level, level, 114, 114, level, level, 114, 114]));
  });

  test('of several persons the largest in the picture is taken, not the largest box', () => {
    // A box that lies mostly beyond the picture, and a smaller one inside it.
    const persons = cutToPicture(
      [
        { box: { left: -100, top: -100, right: 10, bottom: 10 }, score: 0.9 },
        { box: { left: 20, top: 20, right: 60, bottom: 60 }, score: 0.5 },
        { box: { left: 200, top: 0, right: 300, bottom: 50 }, score: 0.8 },
      ],
      { height: 64, width: 64 },
    );
    expect(persons).toHaveLength(2);
    expect(largestPerson(persons)?.score).toBe(0.5);
    expect(largestPerson([])).toBeUndefined();
  });

  test('of overlapping boxes the surest stays, and boxes without finite corners are left out', () => {
    const place = (x: number, size: number, score: number) => [x, 0, Math.log(size / 8), Math.log(size / 8), 1, score];
    const output = new Float32Array(countPlaces({ height: 32, width: 32 }) * 6);
    output.set(place(1, 16, 0.6), 0);
    output.set(place(0.2, 16, 0.8), 6);
    output.set(place(1, 2000, 0.9), 12);
    output.set([0, 0, 1e4, 0, 1, 0.9], 18);
    output.set([Number.NaN, 0, 0, 0, 1, 0.9], 24);
    const found = findPersons(output, 1, { height: 32, width: 32 }, 1, 0.3);
    expect(found.map(({ score }) => score)).toEqual([expect.closeTo(0.9), expect.closeTo(0.8)]);
  });

  test('a joint outside the picture, or with NaN scores, is three zeros', () => {
    const frame = { x: 0, y: 32, width: 64, height: 64 };
    const x = Float32Array.of(1, 0, 0, 0, 0, 0, 0, 1, Number.NaN, Number.NaN, Number.NaN, Number.NaN);
    const y = Float32Array.of(0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 1, 1);
    const pose = decodeJoints({ x, y }, 3, frame, { height: 64, width: 64 }, 0.3);
    expect([...pose]).toEqual([0, 0, 0, -0.5, 0, 1, 0, 0, 0]);
  });

  test('beyond the picture its edge goes on, or there is black', () => {
    const picture = { data: Uint8Array.of(100, 200, 0, 0, 0, 0), height: 1, width: 2 };
    const row = { first: 0, step: 1, count: 1 };
    const columns = { first: -1, step: 0.5, count: 7 };
    expect([...samplePlane(picture, 0, row, columns, 'edge')]).toEqual([100, 100, 100, 150, 200, 200, 200]);
    expect([...samplePlane(picture, 0, row, columns, 'black')]).toEqual([0, 50, 100, 150, 200, 100, 0]);
  });
});
