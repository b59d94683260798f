/** @file The 133 joints of COCO-WholeBody of a figure, by its drawing. Names: configs/coco-wholebody.ts. */
import { WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import { FINGERS, fingersOf, footOf } from './extremities.ts';
import { faceOf } from './face.ts';
import type { PlacedFigure } from './place.ts';
import { type Point, SIDES } from './skeleton.ts';

/** The places of all joints, in the order of WHOLEBODY_JOINTS, in [0, 1] of the picture. */
export function jointsOf(placed: PlacedFigure): Point[] {
  const { skeleton, scale } = placed;
  const face = faceOf(placed);
  const places = new Map<string, Point>([['nose', face.points[30] as Point]]);
  for (const side of SIDES) {
    const limbs = skeleton[side];
    for (const part of ['shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'] as const) {
      places.set(`${side}_${part}`, limbs[part]);
    }
    places.set(`${side}_eye`, face.eyes[side]);
    places.set(`${side}_ear`, face.ears[side]);
    const foot = footOf(limbs, side, scale);
    places.set(`${side}_big_toe`, foot.bigToe);
    places.set(`${side}_small_toe`, foot.smallToe);
    places.set(`${side}_heel`, foot.heel);
    places.set(`${side}_hand_root`, limbs.wrist);
    for (const [i, finger] of fingersOf(limbs, side).entries()) {
      for (const [j, joint] of finger.entries()) places.set(`${side}_${FINGERS[i]?.name}${j + 1}`, joint);
    }
  }
  for (const [i, point] of face.points.entries()) places.set(`face-${i}`, point);
  return WHOLEBODY_JOINTS.map(name => {
    const place = places.get(name);
    if (place === undefined) throw new RangeError(`the drawing has no joint ${name}`);
    return place;
  });
}

/**
 * The joints as the column `pose` has them: [133, (x, y, confidence)] with x and y in [-1, 1] of the picture. All are
 * drawn, also where hair or another limb hides them, so every confidence is 1.
 */
export function poseOf(placed: PlacedFigure): Float32Array<ArrayBuffer> {
  const joints = jointsOf(placed);
  const pose = new Float32Array(joints.length * 3);
  for (const [i, { x, y }] of joints.entries()) pose.set([2 * x - 1, 2 * y - 1, 1], 3 * i);
  return pose;
}
