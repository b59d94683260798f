/**
 * @file Principal components of vectors, and the steps in which their coordinates are stored. Sums run in f64 in the
 * order of the vectors: equal vectors give equal bytes on every machine.
 */
import { Unprocessable } from '../../../errors.ts';
import { widenF16 } from '../../../formats/half.ts';
import { encodeSafetensors } from '../../../formats/safetensors.ts';
import { eigenvectors } from '../../../numerics/eigen.ts';
import { covarianceOf, peaksOf } from '../../../numerics/products.ts';

/** Steps from 0 to the largest coordinate. */
const MOST_STEPS = 127;

export interface FitTask {
  /** Bits of f16, [vectors, dim]: one or more parts. */
  readonly parts: readonly Uint16Array[];
  readonly dim: number;
  /** Of the new vectors. */
  readonly count: number;
}

export interface FittedBasis {
  /** safetensors: `mean` f32 [dim], `basis` f32 [dim, count], `steps` f32 [count]. */
  readonly file: Uint8Array;
  /** Share of the variance of the vectors that the new ones have. */
  readonly kept: number;
  readonly vectors: number;
}

/** @throws Unprocessable if a number is not finite. */
export function fitBasis({ parts, dim, count }: FitTask): FittedBasis {
  const vectors = parts.reduce((sum, { length }) => sum + length, 0) / dim;
  const all = new Float32Array(vectors * dim);
  let at = 0;
  for (const part of parts) {
    widenF16(part, all, at);
    at += part.length;
  }
  const mean = new Float64Array(dim);
  for (let start = 0; start < all.length; start += dim) {
    for (let i = 0; i < dim; i++) mean[i]! += all[start + i]!;
  }
  for (let i = 0; i < dim; i++) mean[i]! /= vectors;
  if (!mean.every(Number.isFinite)) {
    throw new Unprocessable('the patches have numbers that are infinite or undefined in float16', {
      hint: 'check the weights of the encoder',
    });
  }
  const covariance = covarianceOf(all, mean);
  let variance = 0;
  for (let i = 0; i < dim; i++) variance += covariance[i * dim + i]!;
  const { values, vectors: axes } = eigenvectors(covariance, dim, count);
  const basis = new Float32Array(dim * count);
  for (let k = 0; k < count; k++) for (let i = 0; i < dim; i++) basis[i * count + k] = axes[k * dim + i]!;
  const peaks = peaksOf(all, mean, axes, count);
  const most = Math.max(...peaks);
  // A component without variance has coordinates from rounding alone: they count as 0.
  const steps = Float32Array.from(peaks, peak => Math.max(peak, most * 1e-6, 1e-30) / MOST_STEPS);
  return {
    file: encodeSafetensors({
      mean: { dtype: 'f32', shape: [dim], data: Float32Array.from(mean) },
      basis: { dtype: 'f32', shape: [dim, count], data: basis },
      steps: { dtype: 'f32', shape: [count], data: steps },
    }),
    kept: variance === 0 ? 1 : values.reduce((sum, value) => sum + value, 0) / variance,
    vectors,
  };
}
