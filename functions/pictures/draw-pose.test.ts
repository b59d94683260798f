import { expect, test } from 'vitest';
import { WHOLEBODY_BONES, WHOLEBODY_JOINTS, WHOLEBODY_PARTS } from '../../configs/coco-wholebody.ts';
import { drawPose } from './draw-pose.ts';
import type { RgbImage } from './planar.ts';

const GREY: RgbImage = { data: new Uint8Array(360 * 240 * 3).fill(128), width: 360, height: 240 };
const NONE = new Float32Array(399);

function poseWith(joints: Readonly<Record<string, readonly [number, number, number]>>): Float32Array {
  const pose = NONE.slice();
  for (const [name, joint] of Object.entries(joints)) pose.set(joint, WHOLEBODY_JOINTS.indexOf(name) * 3);
  return pose;
}
const pixelAt = ({ data, width }: RgbImage, x: number, y: number) => [
  ...data.subarray((y * width + x) * 3).slice(0, 3),
];

test('every bone joins two joints, and every joint of body, feet and hands has a bone', () => {
  const bones = Object.values(WHOLEBODY_BONES).flat();
  expect(bones.flat().every(joint => joint >= 0 && joint < 133)).toBe(true);
  const joined = new Set(bones.flat());
  const alone = WHOLEBODY_JOINTS.filter((_, joint) => !joined.has(joint) && WHOLEBODY_PARTS[joint] !== 'face');
  expect(alone).toEqual([]);
  expect(
    Object.entries(Object.groupBy(WHOLEBODY_PARTS, part => part)).map(([part, all]) => [part, all.length]),
  ).toEqual([
    ['middle', 1],
    ['left', 11],
    ['right', 11],
    ['face', 68],
    ['left_hand', 21],
    ['right_hand', 21],
  ]);
});

test('a bone is drawn between its joints, in the colour of its part, with a dark border', () => {
  const drawn = drawPose(GREY, poseWith({ left_shoulder: [-0.5, 0, 1], left_elbow: [0.5, 0, 1] }));
  expect(pixelAt(drawn, 180, 119)).toEqual([230, 159, 0]);
  expect(pixelAt(drawn, 180, 122)[0]).toBeLessThan(128);
  expect(pixelAt(drawn, 180, 130)).toEqual([128, 128, 128]);
  expect(pixelAt(drawn, 20, 119)).toEqual([128, 128, 128]);
  expect(GREY.data.every(level => level === 128)).toBe(true);
});

test('joints below the threshold, of confidence 0 or without a place are not drawn, nor are their bones', () => {
  const sure = poseWith({ nose: [0, 0, 0.04], left_eye: [0.5, 0.5, 0], right_eye: [Number.NaN, 0, 1] });
  expect(drawPose(GREY, sure).data).toEqual(GREY.data);
  expect(drawPose(GREY, sure, 0.01).data).not.toEqual(GREY.data);
  expect(drawPose(GREY, NONE, 0).data).toEqual(GREY.data);
  const half = drawPose(GREY, poseWith({ left_shoulder: [-0.5, 0, 1], left_elbow: [0.5, 0, 0.01] }));
  expect(pixelAt(half, 180, 119)).toEqual([128, 128, 128]);
});

test('joints at and beyond the edge stay inside the picture', () => {
  const drawn = drawPose(GREY, poseWith({ left_wrist: [1, 1, 1], left_elbow: [5, -5, 1], right_wrist: [-1, -1, 1] }));
  expect(pixelAt(drawn, 0, 0)).toEqual([86, 180, 233]);
  expect(pixelAt(drawn, 359, 239)).toEqual([230, 159, 0]);
});
