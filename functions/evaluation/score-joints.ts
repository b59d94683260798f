/** @file Whether a drawn figure has its joints where they should be: they are read from its pixels. */
import { WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import { MEASURED_JOINTS, type MeasuredFigure, measureFigure } from '../../data/figures/measure.ts';
import type { RgbPixels } from '../../data/pixels.ts';
import { mpjpe, oks, paMpjpe, pck, pckShare } from '../../metrics/poses.ts';

export interface JointScore {
  /** Joints that are asked for. */
  readonly joints: number;
  /** Within 0.1 and 0.05 of the diagonal of the box of the wanted joints. */
  readonly right_10: number;
  readonly right_05: number;
  /** Joints that the picture shows at all; one that is not found is not right. */
  readonly found: number;
  /** Keypoint similarity of COCO, 1 for equal poses. */
  readonly oks: number;
  /** Distances of the found joints, in the mean, as a share of the diagonal; null: none is found. */
  readonly mpjpe: number | null;
  /** The same after the found joints were moved, turned and scaled as a whole. */
  readonly pa_mpjpe: number | null;
}

const PLACES = MEASURED_JOINTS.map(name => [name, 3 * WHOLEBODY_JOINTS.indexOf(name)] as const);

/**
 * @param figure What was read from a square picture.
 * @param pose [133, (x, y, confidence)] in [-1, 1]. Only the joints that a figure is measured by count.
 */
export function scoreJoints({ joints }: Pick<MeasuredFigure, 'joints'>, pose: Float32Array): JointScore {
  const [found, wanted] = [new Float64Array(pose.length), new Float64Array(pose.length)];
  for (const [name, at] of PLACES) {
    wanted.set([((pose[at] ?? 0) + 1) / 2, ((pose[at + 1] ?? 0) + 1) / 2, 1], at);
    const joint = joints[name];
    if (joint) found.set([joint.x, joint.y, 1], at);
  }
  const right = (threshold: number) =>
    Math.round((pckShare(Object.values(pck(found, wanted, { threshold }))) ?? 0) * PLACES.length);
  const error = mpjpe(found, wanted);
  return {
    joints: PLACES.length,
    right_10: right(0.1),
    right_05: right(0.05),
    found: error.joints,
    oks: oks(found, wanted) ?? 0,
    mpjpe: error.error ?? null,
    pa_mpjpe: paMpjpe(found, wanted).error ?? null,
  };
}

/** {@link scoreJoints} of what a picture shows. @throws Unprocessable if it is no square of at least 32 pixels. */
export function scoreFigure(pixels: RgbPixels, pose: Float32Array): JointScore {
  return scoreJoints(measureFigure(pixels), pose);
}
