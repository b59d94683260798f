/** @file Functions of several operations that networks are made of. `...` in a shape stands for any leading axes. */
import { add, matmul, mul, reduceMean, reshape, rsqrt, square, sub } from './functions.ts';
import type { Value } from './trace.ts';

/** x * sigmoid(x) (Swish-1, arXiv 1702.03118). */
export const silu = (x: Value): Value => x.builder.emit('silu', [x], {});

/** silu(gate) * up (arXiv 2002.05202); equal shapes. */
export function swiglu(gate: Value, up: Value): Value {
  return mul(silu(gate), up);
}

/** GELU by its tanh form (arXiv 1606.08415). */
export const gelu = (x: Value): Value => x.builder.emit('gelu', [x], { form: 'tanh' });

/** GELU by its definition: x (1 + erf(x / sqrt(2))) / 2. */
export const geluErf = (x: Value): Value => x.builder.emit('gelu', [x], { form: 'erf' });

export interface NormOptions {
  /** Gain and bias are both [dim]. The normalized x is multiplied by the gain, then the bias is added. */
  readonly gain?: Value;
  readonly bias?: Value;
  /** Added to the mean square under the root; default 1e-6. */
  readonly eps?: number;
}

function scaleAndShift(x: Value, { gain, bias }: NormOptions): Value {
  const scaled = gain ? mul(x, gain) : x;
  return bias ? add(scaled, bias) : scaled;
}

/** Root-mean-square norm over the last axis (arXiv 1910.07467): x / sqrt(mean(x^2) + eps). */
export function rmsNorm(x: Value, options: NormOptions = {}): Value {
  const { eps = 1e-6 } = options;
  return scaleAndShift(mul(x, rsqrt(add(reduceMean(square(x), [-1]), eps))), options);
}

/** Layer norm over the last axis (arXiv 1607.06450): (x - mean) / sqrt(variance + eps). */
export function layerNorm(x: Value, options: NormOptions = {}): Value {
  return rmsNorm(sub(x, reduceMean(x, [-1])), options);
}

/** A weight [in, out] with a change of low rank: base + scale * down up; `down` is [in, rank], `up` [rank, out]. */
export interface LowRankWeight {
  readonly base: Value;
  readonly down: Value;
  readonly up: Value;
  readonly scale: number;
}

export type Weight = Value | LowRankWeight;

/** x [..., in] times weight [in, out]. A change of low rank is applied to x: the sum of the matrices is never made. */
export function linear(x: Value, weight: Weight): Value {
  if (!('base' in weight)) return multiply(x, weight);
  const { base, down, up, scale } = weight;
  return add(multiply(x, base), multiply(mul(multiply(x, down), scale), up));
}

function multiply(x: Value, weight: Value): Value {
  const [rows, columns] = weight.shape;
  const flat = reshape(x, [-1, rows ?? 0]);
  return reshape(matmul(flat, weight), [...x.shape.slice(0, -1), columns ?? 0]);
}
