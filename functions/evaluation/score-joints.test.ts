import { expect, test } from 'vitest';
import { WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import { MEASURED_JOINTS } from '../../data/figures/measure.ts';
import { isPose, scoreJoints, scorePerson } from './score-joints.ts';

/** A pose whose measured joints lie on a grid with a box of 0.6 x 0.8 of the picture: its diagonal is 1. */
const WANTED = Object.fromEntries(
  MEASURED_JOINTS.map((name, i) => [name, { x: 0.2 + 0.6 * (i % 2), y: 0.1 + (0.8 * Math.floor(i / 2)) / 5 }]),
);
const POSE = new Float32Array(133 * 3);
for (const [name, { x, y }] of Object.entries(WANTED)) {
  POSE.set([2 * x - 1, 2 * y - 1, 1], 3 * WHOLEBODY_JOINTS.indexOf(name));
}

const moved = (by: number) =>
  Object.fromEntries(Object.entries(WANTED).map(([name, { x, y }]) => [name, { x: x + by, y }]));

test('joints in their places are right, whatever the joints that no figure is measured by', () => {
  const pose = Float32Array.from(POSE);
  pose.set([0.9, -0.9, 1], 3 * WHOLEBODY_JOINTS.indexOf('nose'));
  const score = scoreJoints({ joints: WANTED }, pose);
  expect(score).toMatchObject({ joints: 12, right_10: 12, right_05: 12, found: 12 });
  expect(score.oks).toBeCloseTo(1, 6);
  expect([score.mpjpe, score.pa_mpjpe].map(error => Math.round(1e5 * (error ?? 1)))).toEqual([0, 0]);
});

test('a pose that lies elsewhere has an error, and none after it was moved as a whole', () => {
  const score = scoreJoints({ joints: moved(0.07) }, POSE);
  expect(score).toMatchObject({ right_10: 12, right_05: 0, found: 12 });
  expect(score.mpjpe).toBeCloseTo(0.07, 5);
  expect(score.pa_mpjpe).toBeCloseTo(0, 5);
  expect(score.oks).toBeLessThan(1);
});

test('joints that are not found are wrong, and are in no mean distance', () => {
  const { left_wrist: _, ...others } = moved(0.07);
  const score = scoreJoints({ joints: others }, POSE);
  expect(score).toMatchObject({ joints: 12, right_10: 11, found: 11 });
  expect(score.mpjpe).toBeCloseTo(0.07, 5);
  expect(scoreJoints({ joints: {} }, POSE)).toEqual({
    ...{ joints: 12, right_10: 0, right_05: 0, found: 0, oks: 0, mpjpe: null, pa_mpjpe: null },
  });
});

/** Hips and shoulders, and a face of which only the corners of the eyes are wanted. */
const PERSON = new Float32Array(133 * 3);
for (const [name, x, y] of [
  ['left_shoulder', 0.3, -0.4],
  ['right_shoulder', -0.3, -0.4],
  ['left_hip', 0.3, 0.4],
  ['right_hip', -0.3, 0.4],
  ['face-36', -0.1, -0.2],
  ['face-45', 0.1, -0.2],
] as const) {
  PERSON.set([x, y, 0.9], 3 * WHOLEBODY_JOINTS.indexOf(name));
}
const SIZE = { width: 200, height: 100 };

test('a person is scored in pixels of its picture, and by parts of the body', () => {
  // The box is 60 x 40 pixels, its diagonal 72.1: 0.05 of a width of 200 pixels are 5 pixels, 0.069 of it.
  const found = PERSON.map((value, i) => (i % 3 === 0 && value !== 0 ? value + 0.05 : value));
  const score = scorePerson(found, PERSON, SIZE);
  expect(score).toMatchObject({ joints: 6, right_10: 6, right_05: 0, found: 6 });
  expect(score.parts).toEqual({
    body: { joints: 4, right_10: 4, right_05: 0 },
    face: { joints: 2, right_10: 2, right_05: 0 },
  });
  expect(score.mpjpe).toBeCloseTo(5 / Math.hypot(60, 40), 5);
  expect(score.face_error).toBeCloseTo(5 / 20, 5);
  expect(scorePerson(PERSON, PERSON, SIZE)).toMatchObject({ right_05: 6, oks: 1, mpjpe: 0, face_error: 0 });
});

test('a picture without a person has no joint right, and a pose without sure joints asks for none', () => {
  const nobody = { joints: 6, right_10: 0, found: 0, oks: 0, mpjpe: null, face_error: null };
  expect(scorePerson(undefined, PERSON, SIZE)).toMatchObject(nobody);
  expect(scorePerson(new Float32Array(399), PERSON, SIZE)).toMatchObject(nobody);
  expect(isPose(PERSON)).toBe(true);
  expect(isPose(PERSON.map((value, i) => (i % 3 === 2 ? value / 9 : value)))).toBe(false);
});
