/**
 * @file How far the joints of a pose that was found in a picture lie from those that were wanted. Joints are those of
 * COCO-WholeBody, and x and y have one unit, such as pixels: poses in [-1, 1] are scaled to their picture first.
 */
import { JOINT_GROUPS, type JointGroup, WHOLEBODY_GROUPS, WHOLEBODY_JOINTS } from '../configs/coco-wholebody.ts';
import { JOINT_SPREADS } from '../configs/joint-spreads.ts';

/** [133, (x, y, confidence)]. */
export type Pose = ArrayLike<number>;

/** Which joints count. */
export interface JointChoice {
  /** Wanted joints count above this confidence; a found joint at or below it is missing. Default .3. */
  readonly confidence?: number;
  readonly groups?: readonly JointGroup[];
}

export interface PckOptions extends JointChoice {
  /** A joint is right up to this share of the diagonal of the box. Default .1. */
  readonly threshold?: number;
  readonly box?: Box;
}

/** Width and height of what errors are measured by; default: the box of all wanted joints that count. */
export interface Box {
  readonly width: number;
  readonly height: number;
}

/** Sums over pictures are shares of all their joints. */
export interface JointCount {
  readonly right: number;
  /** Wanted joints. */
  readonly joints: number;
}

const CONFIDENCE = 0.3;

/**
 * The wanted joints that are found in their place: PCK (Yang and Ramanan 2013), by group. Missing joints are wrong.
 * @param found Undefined if there is no person: all joints are missing.
 */
export function pck(found: Pose | undefined, wanted: Pose, options: PckOptions = {}): Record<JointGroup, JointCount> {
  const { threshold = 0.1, box = boxOf(wanted, options) } = options;
  const reach = threshold * Math.hypot(box.width, box.height);
  const counts = Object.fromEntries(JOINT_GROUPS.map(group => [group, { right: 0, joints: 0 }]));
  for (const joint of wantedJoints(wanted, options)) {
    const count = counts[WHOLEBODY_GROUPS[joint]!]!;
    count.joints++;
    if (found && isFound(found, joint, options) && gap(found, wanted, joint) <= reach) count.right++;
  }
  return counts as Record<JointGroup, JointCount>;
}

/** Of several poses or groups; undefined when no joint was wanted. */
export function pckShare(counts: readonly JointCount[]): number | undefined {
  const joints = counts.reduce((sum, count) => sum + count.joints, 0);
  return joints > 0 ? counts.reduce((sum, count) => sum + count.right, 0) / joints : undefined;
}

export interface OksOptions extends JointChoice {
  /** Of the person, in square units. Default: .53 of the box of the wanted joints, where there is no outline. */
  readonly area?: number;
}

/** Share of a box that a person fills, as mmpose takes it for sets without outlines. */
const FILLED = 0.53;

/**
 * COCO's keypoint similarity, 1 for equal poses: the mean over wanted joints of exp(-d^2 / (8 k^2 area)). Missing
 * joints have 0. Undefined when no joint is wanted.
 */
export function oks(found: Pose | undefined, wanted: Pose, options: OksOptions = {}): number | undefined {
  const joints = wantedJoints(wanted, options);
  if (joints.length === 0) return undefined;
  if (found === undefined) return 0;
  const box = boxOf(wanted, options);
  const { area = FILLED * box.width * box.height } = options;
  let sum = 0;
  for (const joint of joints) {
    if (!isFound(found, joint, options)) continue;
    const spread = 2 * JOINT_SPREADS[joint]!;
    sum += Math.exp(-(gap(found, wanted, joint) ** 2) / (2 * spread * spread * (area + Number.EPSILON)));
  }
  return sum / joints.length;
}

/** The mean share of poses whose {@link oks} reaches .5, .55, ... .95: COCO's average precision of one person each. */
export function oksPrecision(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  const thresholds = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);
  const shares = thresholds.map(threshold => values.filter(value => value >= threshold).length / values.length);
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

export interface PoseError {
  /** In the mean over joints, as a share of the diagonal of the box; undefined when none was both wanted and found. */
  readonly error: number | undefined;
  /** Joints that were wanted and found. */
  readonly joints: number;
  /** Joints that were wanted and not found: they are in no mean. */
  readonly missing: number;
}

export interface MpjpeOptions extends JointChoice {
  readonly box?: Box;
}

/** The mean distance of found joints from where they were wanted. */
export function mpjpe(found: Pose | undefined, wanted: Pose, options: MpjpeOptions = {}): PoseError {
  return meanError(found, wanted, options, joints => joints);
}

/**
 * {@link mpjpe} after the found joints were moved, turned and scaled as a whole to lie as near as they can, by least
 * squares and without a mirror (Umeyama 1991): what is left is the error of the posture.
 */
export function paMpjpe(found: Pose | undefined, wanted: Pose, options: MpjpeOptions = {}): PoseError {
  return meanError(found, wanted, options, align);
}

/** The outer corners of the eyes, in iBUG's order of the face. */
const EYE_CORNERS = ['face-36', 'face-45'].map(name => WHOLEBODY_JOINTS.indexOf(name)) as [number, number];

/**
 * Normalized mean error of the face: the mean distance of its joints, as a share of the distance of the outer corners
 * of the eyes (300-W, Sagonas et al. 2013). Undefined unless both corners are wanted and a joint of the face is found.
 */
export function faceError(found: Pose | undefined, wanted: Pose, choice: JointChoice = {}): number | undefined {
  const face = { ...choice, groups: ['face'] } as const;
  const [left, right] = EYE_CORNERS;
  const all = wantedJoints(wanted, face);
  if (!all.includes(left) || !all.includes(right)) return undefined;
  const width = Math.abs(wanted[3 * left]! - wanted[3 * right]!);
  const height = Math.abs(wanted[3 * left + 1]! - wanted[3 * right + 1]!);
  return width + height > 0 ? mpjpe(found, wanted, { ...face, box: { width, height } }).error : undefined;
}

/** Two numbers for each joint. */
interface Places {
  readonly found: Float64Array;
  readonly wanted: Float64Array;
}

function meanError(
  found: Pose | undefined,
  wanted: Pose,
  options: MpjpeOptions,
  move: (places: Places) => Places,
): PoseError {
  const all = wantedJoints(wanted, options);
  const both = found === undefined ? [] : all.filter(joint => isFound(found, joint, options));
  const missing = all.length - both.length;
  if (found === undefined || both.length === 0) return { error: undefined, joints: 0, missing };
  const [x, y] = [found, wanted].map(pose =>
    Float64Array.from({ length: 2 * both.length }, (_, i) => pose[3 * both[i >> 1]! + (i & 1)]!),
  );
  const moved = move({ found: x!, wanted: y! });
  let sum = 0;
  for (let i = 0; i < 2 * both.length; i += 2) {
    sum += Math.hypot(moved.found[i]! - moved.wanted[i]!, moved.found[i + 1]! - moved.wanted[i + 1]!);
  }
  const { width, height } = options.box ?? boxOf(wanted, options);
  const diagonal = Math.hypot(width, height);
  // A box without size has one joint: its error is 0 or has no measure.
  const mean = sum / both.length;
  return { error: diagonal > 0 ? mean / diagonal : mean === 0 ? 0 : undefined, joints: both.length, missing };
}

/** As complex numbers about their means, z goes to a z with a = sum(conj(z) w) / sum(|z|^2). */
function align({ found, wanted }: Places): Places {
  const [z, w] = [centred(found), centred(wanted)];
  let [real, imaginary, square] = [0, 0, 0];
  for (let i = 0; i < z.length; i += 2) {
    const [x, y, u, v] = [z[i]!, z[i + 1]!, w[i]!, w[i + 1]!];
    real += x * u + y * v;
    imaginary += x * v - y * u;
    square += x * x + y * y;
  }
  const [scale, turn] = square > 0 ? [real / square, imaginary / square] : [0, 0];
  const moved = z.map((x, i) => (i & 1 ? scale * x + turn * z[i - 1]! : scale * x - turn * z[i + 1]!));
  return { found: moved, wanted: w };
}

function centred(places: Float64Array): Float64Array {
  const count = places.length / 2;
  const means = [0, 0];
  for (let i = 0; i < places.length; i++) means[i & 1]! += places[i]! / count;
  return places.map((value, i) => value - means[i & 1]!);
}

/** The box of the wanted joints of all groups. */
function boxOf(wanted: Pose, { confidence }: JointChoice): Box {
  const joints = wantedJoints(wanted, confidence === undefined ? {} : { confidence });
  const span = (axis: 0 | 1) => {
    const values = joints.map(joint => wanted[3 * joint + axis]!);
    return values.length > 0 ? Math.max(...values) - Math.min(...values) : 0;
  };
  return { width: span(0), height: span(1) };
}

function wantedJoints(wanted: Pose, { confidence = CONFIDENCE, groups = JOINT_GROUPS }: JointChoice): number[] {
  return Array.from(WHOLEBODY_GROUPS.keys()).filter(
    joint => wanted[3 * joint + 2]! > confidence && groups.includes(WHOLEBODY_GROUPS[joint]!),
  );
}

function isFound(found: Pose, joint: number, { confidence = CONFIDENCE }: JointChoice): boolean {
  return found[3 * joint + 2]! > confidence;
}

function gap(found: Pose, wanted: Pose, joint: number): number {
  return Math.hypot(found[3 * joint]! - wanted[3 * joint]!, found[3 * joint + 1]! - wanted[3 * joint + 1]!);
}
