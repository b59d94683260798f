/** @file Whether a picture has the joints of its person where they should be. */
import { JOINT_GROUPS, WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import type { JointScore, PersonScore } from '../../configs/pose-scores.ts';
import { MEASURED_JOINTS, type MeasuredFigure, measureFigure } from '../../data/figures/measure.ts';
import type { RgbPixels } from '../../data/pixels.ts';
import { faceError, mpjpe, oks, type Pose, paMpjpe, pck } from '../../metrics/poses.ts';

const PLACES = MEASURED_JOINTS.map(name => [name, 3 * WHOLEBODY_JOINTS.indexOf(name)] as const);

/**
 * @param figure What was read from a square picture.
 * @param pose [133, (x, y, confidence)] in [-1, 1]. Only the joints that a figure is measured by count.
 */
export function scoreJoints({ joints }: Pick<MeasuredFigure, 'joints'>, pose: Pose): JointScore {
  const [found, wanted] = [new Float64Array(pose.length), new Float64Array(pose.length)];
  for (const [name, at] of PLACES) {
    wanted.set([((pose[at] ?? 0) + 1) / 2, ((pose[at + 1] ?? 0) + 1) / 2, 1], at);
    const joint = joints[name];
    if (joint) found.set([joint.x, joint.y, 1], at);
  }
  return compare(found, wanted);
}

/** {@link scoreJoints} of what a picture shows. @throws Unprocessable if it is no square of at least 32 pixels. */
export function scoreFigure(pixels: RgbPixels, pose: Pose): JointScore {
  return scoreJoints(measureFigure(pixels), pose);
}

/** Whether any joint is sure enough to be wanted. */
export function isPose(pose: Pose): boolean {
  return Object.values(pck(undefined, pose)).some(({ joints }) => joints > 0);
}

/**
 * @param found What a network found; undefined or without sure joints: no person. Both poses have x and y in [-1, 1].
 * @param wanted See {@link isPose}.
 * @param size Of the picture: distances are those of its pixels.
 */
export function scorePerson(
  found: Pose | undefined,
  wanted: Pose,
  size: { readonly width: number; readonly height: number },
): PersonScore {
  const [seen, asked] = [found && toPixels(found, size), toPixels(wanted, size)];
  const [near, nearer] = [0.1, 0.05].map(threshold => pck(seen, asked, { threshold }));
  const parts = JOINT_GROUPS.flatMap(group => {
    const { joints, right: right_10 } = near![group];
    return joints > 0 ? [[group, { joints, right_10, right_05: nearer![group].right }] as const] : [];
  });
  return { ...compare(seen, asked), parts: Object.fromEntries(parts), face_error: faceError(seen, asked) ?? null };
}

function toPixels(pose: Pose, { width, height }: { readonly width: number; readonly height: number }): Float64Array {
  const scales = [width / 2, height / 2];
  return Float64Array.from(pose, (value, i) => (i % 3 === 2 ? value : (value + 1) * scales[i % 3]!));
}

function compare(found: Pose | undefined, wanted: Pose): JointScore {
  const [near, nearer] = [0.1, 0.05].map(threshold => Object.values(pck(found, wanted, { threshold })));
  const sum = (counts: typeof near, of: 'joints' | 'right') => counts!.reduce((total, count) => total + count[of], 0);
  const error = mpjpe(found, wanted);
  return {
    joints: sum(near, 'joints'),
    right_10: sum(near, 'right'),
    right_05: sum(nearer, 'right'),
    found: error.joints,
    oks: oks(found, wanted) ?? 0,
    mpjpe: error.error ?? null,
    pa_mpjpe: paMpjpe(found, wanted).error ?? null,
  };
}
