/**
 * @file The 133 joints of COCO-WholeBody (Jin et al., ECCV 2020), by name: 17 of the body, 6 of the feet, 68 of the
 * face in the order of iBUG 300-W, and 21 of each hand. Left and right are those of the person.
 */

const BODY = ['eye', 'ear', 'shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'];
const FOOT = ['big_toe', 'small_toe', 'heel'];
const FINGERS = ['thumb', 'forefinger', 'middle_finger', 'ring_finger', 'pinky_finger'];
const FACE_POINTS = 68;

const handOf = (side: string) => [
  `${side}_hand_root`,
  ...FINGERS.flatMap(finger => [1, 2, 3, 4].map(joint => `${side}_${finger}${joint}`)),
];

/** Names of the joints, in the order of a pose. */
export const WHOLEBODY_JOINTS: readonly string[] = [
  'nose',
  ...BODY.flatMap(part => [`left_${part}`, `right_${part}`]),
  ...['left', 'right'].flatMap(side => FOOT.map(part => `${side}_${part}`)),
  ...Array.from({ length: FACE_POINTS }, (_, point) => `face-${point}`),
  ...handOf('left'),
  ...handOf('right'),
];

/** Rows of face points from one side to the other: the first takes the place of the last in a mirrored face. */
const FACE_ROWS: readonly (readonly number[])[] = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16], // jaw
  [17, 18, 19, 20, 21, 22, 23, 24, 25, 26], // brows
  [27], // bridge of the nose, downwards
  [28],
  [29],
  [30],
  [31, 32, 33, 34, 35], // nostrils
  [36, 37, 38, 39, 42, 43, 44, 45], // eyes: corners and upper lids
  [41, 40, 47, 46], // lower lids
  [48, 49, 50, 51, 52, 53, 54], // outer lips, above
  [59, 58, 57, 56, 55], // outer lips, below
  [60, 61, 62, 63, 64], // inner lips, above
  [67, 66, 65], // inner lips, below
];

const FACE_MIRROR = new Map<string, string>(
  FACE_ROWS.flatMap(row => row.map((point, at) => [`face-${point}`, `face-${row[row.length - 1 - at]}`] as const)),
);

/** The joint whose place a joint takes in a mirrored picture. */
function mirroredName(name: string): string {
  const [, side, part] = /^(left|right)_(.+)$/.exec(name) ?? [];
  if (side !== undefined) return `${side === 'left' ? 'right' : 'left'}_${part}`;
  return FACE_MIRROR.get(name) ?? name;
}

/** For each joint, the index of the joint that it is in a mirrored picture: an involution. */
export const MIRRORED_JOINTS: readonly number[] = WHOLEBODY_JOINTS.map(name =>
  WHOLEBODY_JOINTS.indexOf(mirroredName(name)),
);

/** A part of a person whose bones are drawn alike. */
export type BodyPart = 'middle' | 'left' | 'right' | 'face' | 'left_hand' | 'right_hand';

const at = (name: string) => WHOLEBODY_JOINTS.indexOf(name);
const chain = (names: readonly string[]): (readonly [number, number])[] =>
  names.slice(1).map((name, i) => [at(names[i] ?? ''), at(name)] as const);

const sideBones = (side: 'left' | 'right') => [
  ...chain([`${side}_shoulder`, `${side}_elbow`, `${side}_wrist`]),
  ...chain([`${side}_hip`, `${side}_knee`, `${side}_ankle`]),
  ...FOOT.flatMap(part => chain([`${side}_ankle`, `${side}_${part}`])),
  ...chain(['nose', `${side}_eye`, `${side}_ear`]),
];
const handBones = (side: 'left' | 'right') => [
  ...chain([`${side}_wrist`, `${side}_hand_root`]),
  ...FINGERS.flatMap(finger => chain([`${side}_hand_root`, ...[1, 2, 3, 4].map(joint => `${side}_${finger}${joint}`)])),
];

/** Pairs of joints that a line joins, by part. The face has points only. */
export const WHOLEBODY_BONES: Readonly<Record<BodyPart, readonly (readonly [number, number])[]>> = {
  middle: [
    ...chain(['left_shoulder', 'right_shoulder', 'right_hip', 'left_hip', 'left_shoulder']),
    ...chain(['nose', 'left_shoulder']),
    ...chain(['nose', 'right_shoulder']),
  ],
  left: sideBones('left'),
  right: sideBones('right'),
  face: [],
  left_hand: handBones('left'),
  right_hand: handBones('right'),
};

/** The part that each joint belongs to. */
export const WHOLEBODY_PARTS: readonly BodyPart[] = WHOLEBODY_JOINTS.map((name, index) => {
  if (name.startsWith('face-')) return 'face';
  if (index >= at('left_hand_root')) return index >= at('right_hand_root') ? 'right_hand' : 'left_hand';
  return name.startsWith('left_') ? 'left' : name.startsWith('right_') ? 'right' : 'middle';
});

export const JOINT_GROUPS = ['body', 'feet', 'face', 'hands'] as const;
export type JointGroup = (typeof JOINT_GROUPS)[number];

/** The group of each joint, as results on COCO-WholeBody are split. */
export const WHOLEBODY_GROUPS: readonly JointGroup[] = WHOLEBODY_JOINTS.map((name, index) => {
  if (name.startsWith('face-')) return 'face';
  if (index >= at('left_hand_root')) return 'hands';
  return index >= at('left_big_toe') ? 'feet' : 'body';
});
