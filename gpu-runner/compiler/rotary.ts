/** @file Rotary embedding (RoFormer, arXiv 2104.09864): neighbouring channels turn as pairs. */
import { add, matmul, mul, reshape } from './functions.ts';
import type { Value } from './trace.ts';

/** Of angles that are equal within a pair; both broadcast against [..., tokens, dim]. */
export interface Rotation {
  readonly cos: Value;
  readonly sin: Value;
}

/**
 * x [..., tokens, dim] times gain [dim], then channels 2i and 2i + 1 turned as a pair: x cos + (x S) sin with S a signed permutation. The
 * gain goes into the small factors, not over x.
 */
export function rotate(x: Value, rotation: Rotation, gain?: Value): Value {
  const dim = x.shape.at(-1) ?? 0;
  const swap = new Array<number>(dim * dim).fill(0);
  for (let i = 0; i < dim; i += 2) {
    swap[(i + 1) * dim + i] = -1;
    swap[i * dim + i + 1] = 1;
  }
  const permutation = x.builder.constant(swap, [dim, dim], x.dtype);
  const matrix = gain ? mul(permutation, reshape(gain, [dim, 1])) : permutation;
  const turned = reshape(matmul(reshape(x, [-1, dim]), matrix), x.shape);
  return add(mul(x, gain ? mul(rotation.cos, gain) : rotation.cos), mul(turned, rotation.sin));
}
