/**
 * @file Principal components of vectors, and the steps in which their coordinates are stored. Sums run in f64 in the
 * order of the vectors: equal vectors give equal bytes on every machine.
 */
import { widenF16 } from '../../../formats/half.ts';
import { encodeSafetensors } from '../../../formats/safetensors.ts';
import { eigenvectors } from './eigen.ts';

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

export function fitBasis({ parts, dim, count }: FitTask): FittedBasis {
  const vectors = parts.reduce((sum, { length }) => sum + length, 0) / dim;
  const all = new Float32Array(vectors * dim);
  let at = 0;
  for (const part of parts) {
    widenF16(part, all, at);
    at += part.length;
  }
  const mean = new Float64Array(dim);
  for (let i = 0; i < all.length; i++) mean[i % dim]! += all[i]!;
  for (let i = 0; i < dim; i++) mean[i]! /= vectors;
  const covariance = covarianceOf(all, mean, vectors);
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

/** [dim, dim] */
function covarianceOf(all: Float32Array, mean: Float64Array, vectors: number): Float64Array {
  const dim = mean.length;
  const sums = new Float64Array(dim * dim);
  const centred = new Float64Array(dim);
  for (let row = 0; row < vectors; row++) {
    for (let i = 0; i < dim; i++) centred[i] = all[row * dim + i]! - mean[i]!;
    for (let i = 0; i < dim; i++) {
      const [factor, place] = [centred[i]!, i * dim];
      for (let j = 0; j <= i; j++) sums[place + j]! += factor * centred[j]!;
    }
  }
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j <= i; j++) {
      const value = sums[i * dim + j]! / vectors;
      sums[i * dim + j] = value;
      sums[j * dim + i] = value;
    }
  }
  return sums;
}

/** The largest size of each coordinate. @param axes [count, dim] */
function peaksOf(all: Float32Array, mean: Float64Array, axes: Float64Array, count: number): Float64Array {
  const dim = mean.length;
  const peaks = new Float64Array(count);
  const centred = new Float64Array(dim);
  for (let start = 0; start < all.length; start += dim) {
    for (let i = 0; i < dim; i++) centred[i] = all[start + i]! - mean[i]!;
    for (let k = 0; k < count; k++) {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += centred[i]! * axes[k * dim + i]!;
      peaks[k] = Math.max(peaks[k]!, Math.abs(sum));
    }
  }
  return peaks;
}
