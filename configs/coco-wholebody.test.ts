import { expect, test } from 'vitest';
import { MIRRORED_JOINTS, WHOLEBODY_JOINTS } from './coco-wholebody.ts';

const at = (name: string) => WHOLEBODY_JOINTS.indexOf(name);

test('the joints have the places of COCO-WholeBody', () => {
  expect(WHOLEBODY_JOINTS).toHaveLength(133);
  expect(new Set(WHOLEBODY_JOINTS).size).toBe(133);
  const places = { nose: 0, left_eye: 1, left_ear: 3, right_shoulder: 6, right_ankle: 16, left_big_toe: 17 };
  const more = { right_heel: 22, 'face-0': 23, 'face-67': 90, left_hand_root: 91, left_thumb1: 92 };
  const last = { left_pinky_finger4: 111, right_hand_root: 112, right_pinky_finger4: 132 };
  for (const [name, place] of Object.entries({ ...places, ...more, ...last })) expect(at(name), name).toBe(place);
});

test('mirroring joints twice gives them back', () => {
  expect(MIRRORED_JOINTS.map(joint => MIRRORED_JOINTS[joint])).toEqual(WHOLEBODY_JOINTS.map((_, joint) => joint));
});

test('only the joints on the middle of a person keep their places', () => {
  const kept = WHOLEBODY_JOINTS.filter((_, joint) => MIRRORED_JOINTS[joint] === joint);
  const middle = [8, 27, 28, 29, 30, 33, 51, 57, 62, 66].map(point => `face-${point}`);
  expect(kept).toEqual(['nose', ...middle]);
});

test.each([
  ['left_wrist', 'right_wrist'],
  ['left_heel', 'right_heel'],
  ['right_ring_finger3', 'left_ring_finger3'],
  ['face-0', 'face-16'],
  ['face-17', 'face-26'],
  ['face-31', 'face-35'],
  ['face-36', 'face-45'],
  ['face-39', 'face-42'],
  ['face-41', 'face-46'],
  ['face-40', 'face-47'],
  ['face-48', 'face-54'],
  ['face-50', 'face-52'],
  ['face-55', 'face-59'],
  ['face-60', 'face-64'],
  ['face-65', 'face-67'],
])('%s and %s change places', (one, other) => {
  expect(WHOLEBODY_JOINTS[MIRRORED_JOINTS[at(one)] ?? -1]).toBe(other);
});
