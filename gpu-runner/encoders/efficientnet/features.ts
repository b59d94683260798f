/** @file Features of pictures by an EfficientNet-Lite: for the whole picture, and for patches of any size. */
import { Unprocessable } from '../../../errors.ts';
import { enlarge } from '../../compiler/enlarge.ts';
import { div, slice, sub, transpose } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import type { PictureSize } from '../../model/batch.ts';
import { type EfficientNet, efficientNet, type ParamSource } from './network.ts';

/** Pictures whose shorter side is smaller are enlarged for `cls`, by a power of two up to MAX_FACTOR. */
const LEAST_SIDE = 128;
const MAX_FACTOR = 8;

export interface FeatureNet {
  readonly net: EfficientNet;
  readonly param: ParamSource;
  /** Index of the stage that describes patches. */
  readonly stage: number;
  /** Mean and standard deviation of its channels, each [channels]. */
  readonly mean: Value;
  readonly deviation: Value;
}

export interface PictureFeatures {
  /** Pooled features of the picture, enlarged to at least 128 pixels if it is smaller: [batch, head]. */
  readonly cls: Value;
  /**
   * The stage's features, standardized, of the picture enlarged so that `stride` pixels become one place of the stage:
   * [batch, rows, columns, channels]. Pixels at the right and lower edge that fill no patch have none.
   */
  readonly patches: Value;
}

/**
 * @param picture [batch, 3, height, width], levels from 0 to 255.
 * @param stride Pixels per patch; divides the stride of the stage.
 * @throws Unprocessable if the picture is smaller than a patch.
 */
export function describePictures(
  picture: Value,
  { net, param, stage, mean, deviation }: FeatureNet,
  stride: number,
): PictureFeatures {
  const [, , height = 0, width = 0] = picture.shape;
  if (Math.min(height, width) < stride) {
    throw new Unprocessable(`a picture of ${width} x ${height} is smaller than a patch of ${stride} pixels`, {
      expected: 'a smaller stride, or larger pictures',
    });
  }
  // With equal factors, equal computations become one node.
  const run = (factor: number) => efficientNet(enlarge(picture, factor), net, param);
  const factors = factorsOf({ net, stage }, { height, width }, stride);
  const { pooled } = run(factors.cls);
  const map = run(factors.patches).stages[stage] ?? pooled;
  const grid = transpose(map, [0, 2, 3, 1]);
  const whole = slice(slice(grid, 1, 0, Math.floor(height / stride)), 2, 0, Math.floor(width / stride));
  return { cls: pooled, patches: div(sub(whole, mean), deviation) };
}

type DescribedStage = Pick<FeatureNet, 'net' | 'stage'>;

/** Pixels of the network's inputs for one picture. */
export function countPixels(described: DescribedStage, size: PictureSize, stride: number): number {
  const { cls, patches } = factorsOf(described, size, stride);
  return [...new Set([cls, patches])].reduce((sum, factor) => sum + size.height * size.width * factor ** 2, 0);
}

/** The factors by which a picture is enlarged for each signal. */
function factorsOf({ net, stage }: DescribedStage, { height, width }: PictureSize, stride: number) {
  let cls = 1;
  while (Math.min(height, width) * cls < LEAST_SIDE && cls < MAX_FACTOR) cls *= 2;
  // The first convolution has stride 2.
  const ofStage = net.stages.slice(0, stage + 1).reduce((product, each) => product * each.stride, 2);
  return { cls, patches: ofStage / stride };
}
