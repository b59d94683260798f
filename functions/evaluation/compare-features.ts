/** @file Task of the worker pool: how far two sets of pictures are from each other in features. */
import { bootstrapMean, type Interval } from '../../metrics/bootstrap.ts';
import type { Features } from '../../metrics/features.ts';
import { frechetDistance } from '../../metrics/frechet-distance.ts';
import { kernelDistanceOfSubsets } from '../../metrics/kernel-distance.ts';
import { type ManifoldMeasures, manifoldMeasures } from '../../metrics/manifold.ts';

export interface CompareFeaturesTask {
  readonly real: Features;
  readonly drawn: Features;
  /** Rows of the pictures that the drawn ones should be like: row by row the same conditions. */
  readonly truth?: Features;
  readonly seed: number;
  readonly subsets: number;
  readonly k: number;
}

export interface ComparedFeatures extends ManifoldMeasures {
  readonly kid: { readonly mean: number; readonly sd: number };
  readonly fd: number;
  /** Distance of each drawn row to its true one, as a share of the mean distance of real rows to their centre. */
  readonly distances?: readonly number[];
  /** The mean of the distances, with an interval of 95 %. */
  readonly distance?: Interval;
}

export function compareFeatures(task: CompareFeaturesTask): ComparedFeatures {
  const { real, drawn, truth, seed, subsets, k } = task;
  const { mean, sd } = kernelDistanceOfSubsets(real, drawn, { subsets, seed });
  const distances = truth && pairDistances(drawn, truth, spreadOf(real));
  return {
    kid: { mean, sd },
    fd: frechetDistance(real, drawn),
    ...manifoldMeasures(real, drawn, k),
    ...(distances && { distances, distance: bootstrapMean(distances, { seed }) }),
  };
}

export function countRows({ dim, data }: Features): number {
  return dim === 0 ? 0 : data.length / dim;
}

/** The mean distance of rows to their mean: a unit for distances that differs between extractors. */
function spreadOf({ dim, data }: Features): number {
  const rows = countRows({ dim, data });
  const mean = new Float64Array(dim);
  for (let i = 0; i < data.length; i++) mean[i % dim] = mean[i % dim]! + data[i]! / rows;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    let square = 0;
    for (let k = 0; k < dim; k++) square += (data[row * dim + k]! - mean[k]!) ** 2;
    sum += Math.sqrt(square);
  }
  return sum / rows;
}

function pairDistances(a: Features, b: Features, unit: number): number[] {
  return Array.from({ length: countRows(a) }, (_, row) => {
    let square = 0;
    for (let k = 0; k < a.dim; k++) square += (a.data[row * a.dim + k]! - b.data[row * a.dim + k]!) ** 2;
    return unit === 0 ? 0 : Math.sqrt(square) / unit;
  });
}
