/**
 * @file Joints from the output of RTMPose: for each joint a row of scores along x and one along y (SimCC, arXiv
 * 2107.03332), in parts of a pixel of the crop.
 */
import type { CropFrame } from './crop-person.ts';

export interface JointScores {
  /** [joints, columns of the crop times parts]. */
  readonly x: Float32Array;
  /** [joints, rows of the crop times parts]. */
  readonly y: Float32Array;
}

/**
 * [joints, (x, y, confidence)]: x and y in [-1, 1] of the picture, confidence in (0, 1]. A joint that is less sure than
 * the threshold, or outside the picture, is three zeros.
 */
export function decodeJoints(
  scores: JointScores,
  joints: number,
  frame: CropFrame,
  picture: { readonly height: number; readonly width: number },
  threshold: number,
): Float32Array {
  const pose = new Float32Array(joints * 3);
  for (let joint = 0; joint < joints; joint++) {
    const across = largest(scores.x, joint, joints);
    const down = largest(scores.y, joint, joints);
    const confidence = Math.min(across.score, down.score);
    if (!(confidence > 0 && confidence >= threshold)) continue;
    const x = normalize(across.share * frame.width + frame.x - frame.width / 2, picture.width);
    const y = normalize(down.share * frame.height + frame.y - frame.height / 2, picture.height);
    if (Math.abs(x) <= 1 && Math.abs(y) <= 1) pose.set([x, y, Math.min(1, confidence)], joint * 3);
  }
  return pose;
}

/** The first largest score of a joint, and its place as a share of the row. */
function largest(
  rows: Float32Array,
  joint: number,
  joints: number,
): { readonly score: number; readonly share: number } {
  const length = rows.length / joints;
  let [place, score] = [0, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < length; i++) {
    const value = rows[joint * length + i] ?? 0;
    if (value > score) [place, score] = [i, value];
  }
  return { score, share: place / length };
}

/** Pixels to [-1, 1]. */
function normalize(pixels: number, size: number): number {
  return (2 * pixels) / size - 1;
}
