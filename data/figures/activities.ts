/**
 * @file What figures do: the ranges of the angles of their limbs, in degrees, seen from the front. They lie within what
 * joints allow in the plane of the picture (shoulder -15 to 180, elbow -110 to 150, hip -12 to 85, knee -130 to 12).
 *
 * A limb angle is 0 downwards and grows outwards and up, on both sides of the body. A bend is added to the angle of the
 * limb above: positive bends lift the forearm outwards, negative ones turn it towards the body.
 */

/** Lowest and highest angle. */
export type Range = readonly [low: number, high: number];

export interface ArmRanges {
  readonly shoulder: Range;
  readonly elbow: Range;
}

export interface LegRanges {
  readonly hip: Range;
  readonly knee: Range;
}

/** `near` is the side that the activity is about, `far` the other side. */
export interface Activity {
  readonly near: ArmRanges & LegRanges;
  readonly far: ArmRanges & LegRanges;
  /** Tilt of the trunk towards the near side. */
  readonly lean: Range;
  /** Whether both sides are drawn alike: then no caption names a side of it. */
  readonly isSymmetric: boolean;
}

const DOWN: ArmRanges = { shoulder: [10, 28], elbow: [-12, 14] };
const UP: ArmRanges = { shoulder: [132, 172], elbow: [-25, 18] };
const OUT: ArmRanges = { shoulder: [78, 102], elbow: [-12, 12] };
const STAND: LegRanges = { hip: [3, 10], knee: [-4, 4] };
const WIDE: LegRanges = { hip: [18, 32], knee: [-6, 4] };
const STRAIGHT: Range = [-5, 5];

const both = (limbs: ArmRanges & LegRanges): Activity => ({
  near: limbs,
  far: limbs,
  lean: [-4, 4],
  isSymmetric: true,
});

export const ACTIVITIES = {
  standing: both({ ...DOWN, ...STAND }),
  cheering: both({ ...UP, ...WIDE }),
  'star jump': both({ shoulder: [112, 142], elbow: [-10, 14], hip: [26, 40], knee: [-8, 4] }),
  't-pose': both({ ...OUT, ...STAND }),
  'hands on hips': both({ shoulder: [44, 58], elbow: [-108, -92], hip: [5, 18], knee: [-5, 4] }),
  flexing: both({ shoulder: [80, 98], elbow: [78, 118], hip: [8, 22], knee: [-6, 4] }),
  squatting: both({ shoulder: [60, 105], elbow: [-20, 20], hip: [48, 66], knee: [-72, -50] }),
  waving: {
    near: { shoulder: [62, 96], elbow: [62, 108], ...STAND },
    far: { ...DOWN, ...STAND },
    lean: STRAIGHT,
    isSymmetric: false,
  },
  pointing: {
    near: { shoulder: [78, 118], elbow: [-8, 8], ...STAND },
    far: { ...DOWN, hip: [5, 14], knee: [-5, 4] },
    lean: STRAIGHT,
    isSymmetric: false,
  },
  'arm raised': {
    near: { ...UP, ...STAND },
    far: { shoulder: [44, 58], elbow: [-108, -92], hip: [4, 14], knee: [-5, 4] },
    lean: [-6, 4],
    isSymmetric: false,
  },
  kicking: {
    near: { shoulder: [40, 80], elbow: [-20, 25], hip: [48, 78], knee: [-12, 6] },
    far: { shoulder: [55, 100], elbow: [-15, 25], hip: [-2, 6], knee: [-5, 5] },
    lean: [-16, -4],
    isSymmetric: false,
  },
  lunging: {
    near: { shoulder: [40, 100], elbow: [-15, 20], hip: [44, 62], knee: [-66, -44] },
    far: { shoulder: [30, 100], elbow: [-15, 20], hip: [28, 40], knee: [-5, 4] },
    lean: [2, 14],
    isSymmetric: false,
  },
  balancing: {
    near: { shoulder: [70, 150], elbow: [-15, 20], hip: [44, 60], knee: [-122, -100] },
    far: { shoulder: [70, 150], elbow: [-15, 20], hip: [-3, 2], knee: [-2, 3] },
    lean: STRAIGHT,
    isSymmetric: false,
  },
  dancing: {
    near: { shoulder: [100, 150], elbow: [20, 60], hip: [18, 40], knee: [-55, -20] },
    far: { shoulder: [35, 65], elbow: [-60, 70], hip: [2, 14], knee: [-5, 4] },
    lean: [-12, 8],
    isSymmetric: false,
  },
} as const satisfies Readonly<Record<string, Activity>>;

export type ActivityName = keyof typeof ACTIVITIES;
