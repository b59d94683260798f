/**
 * @file How far people who mark a joint differ, as a share of the root of the person's area: the constants k of COCO's
 * keypoint similarity, with those of COCO-WholeBody for feet, face and hands.
 */

const BODY = [26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89];
const FEET = [68, 66, 66, 92, 94, 94];
const JAW = [42, 43, 44, 43, 40, 35, 31, 25, 20, 23, 29, 32, 37, 38, 43, 41, 45];
const BROWS = [13, 12, 11, 11, 12, 12, 11, 11, 13, 15];
const NOSE = [9, 7, 7, 7, 12, 9, 8, 16, 10];
const EYES = [17, 11, 9, 11, 9, 7, 13, 8, 11, 12, 10, 34];
const LIPS = [8, 8, 9, 8, 8, 7, 10, 8, 9, 9, 9, 7, 7, 8, 11, 8, 8, 8, 10, 8];
const HAND = [29, 22, 35, 37, 47, 26, 25, 24, 35, 18, 24, 22, 26, 17, 21, 21, 32, 20, 19, 22, 31];

/** Of the 133 joints, in the order of a pose. */
export const JOINT_SPREADS: readonly number[] = [
  ...BODY,
  ...FEET,
  ...JAW,
  ...BROWS,
  ...NOSE,
  ...EYES,
  ...LIPS,
  ...HAND,
  ...HAND,
].map(thousandths => thousandths / 1000);
