/** @file Prompts with poses to evaluate with: figures of the same distribution that are in no set. */
import type { Figure } from './attributes.ts';
import { captionFigure } from './captions.ts';
import { poseOf } from './joints.ts';
import { placeFigure } from './place.ts';

export interface FreshFigure {
  readonly prompt: string;
  readonly attributes: Figure;
  /** [133, (x, y, confidence)], as the column `pose` has it. */
  readonly pose: Float32Array<ArrayBuffer>;
}

/** Makes `count` prompts of a seed. A longer list begins with the shorter list. */
export function freshFigures(seed: number, count: number): FreshFigure[] {
  return Array.from({ length: count }, (_, index) => {
    const placed = placeFigure(seed, index, 'prompts');
    const { figure } = placed;
    return { prompt: captionFigure(figure, seed, index, 0, 'prompts'), attributes: figure, pose: poseOf(placed) };
  });
}
