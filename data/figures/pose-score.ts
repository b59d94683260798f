/** @file PCK: the share of joints in their place. Yang and Ramanan, "Articulated Human Detection" (2013). */
import { WHOLEBODY_JOINTS } from '../../configs/coco-wholebody.ts';
import type { RgbPixels } from '../pixels.ts';
import { MEASURED_JOINTS, type MeasuredFigure, measureFigure } from './measure.ts';
import type { Point } from './skeleton.ts';

/** A joint is right within this share of the diagonal of the box of the wanted joints: PCK@.1. */
export const PCK_SHARE = 0.1;
const INDICES = MEASURED_JOINTS.map(name => WHOLEBODY_JOINTS.indexOf(name));

export interface PoseErrors {
  /** Distance of each measured joint, over the diagonal of the box; infinite for one that is not found. */
  readonly errors: readonly number[];
  /** Number of joints within {@link PCK_SHARE}. */
  readonly right: number;
}

/** @param pose [133, (x, y, confidence)] in [-1, 1], as the column `pose` has it. */
export function comparePose({ joints }: MeasuredFigure, pose: Float32Array): PoseErrors {
  const wanted = INDICES.map(
    (at): Point => ({ x: ((pose[3 * at] ?? 0) + 1) / 2, y: ((pose[3 * at + 1] ?? 0) + 1) / 2 }),
  );
  const span = (values: readonly number[]) => Math.max(...values) - Math.min(...values);
  const diagonal = Math.hypot(span(wanted.map(({ x }) => x)), span(wanted.map(({ y }) => y)));
  const errors = MEASURED_JOINTS.map((name, i) => {
    const [found, place] = [joints[name], wanted[i]];
    return found && place ? Math.hypot(found.x - place.x, found.y - place.y) / diagonal : Number.POSITIVE_INFINITY;
  });
  return { errors, right: errors.filter(error => error <= PCK_SHARE).length };
}

export interface PosedPicture {
  readonly pixels: RgbPixels;
  /** The pose that the picture should show. */
  readonly pose: Float32Array;
}

/** The share of joints of all pictures that are right; and with the poses of other pictures, which is chance. */
export function measurePck(pictures: readonly PosedPicture[]): { readonly pck: number; readonly shuffled: number } {
  const measured = pictures.map(({ pixels }) => measureFigure(pixels));
  const joints = pictures.length * MEASURED_JOINTS.length;
  const count = (shift: number) =>
    measured.reduce((sum, figure, i) => {
      const pose = pictures[(i + shift) % pictures.length]?.pose;
      return sum + (pose ? comparePose(figure, pose).right : 0);
    }, 0);
  return { pck: count(0) / joints, shuffled: count(1) / joints };
}
