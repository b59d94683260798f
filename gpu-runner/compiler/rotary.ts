/** @file Rotary embedding (RoFormer, arXiv 2104.09864): neighbouring channels turn as pairs. */
import { mul } from './functions.ts';
import type { Value } from './trace.ts';

/** Of angles that are equal within a pair; both broadcast against [..., tokens, dim]. */
export interface Rotation {
  readonly cos: Value;
  readonly sin: Value;
}

/** x [..., tokens, dim] times gain [dim], then channels 2i and 2i + 1 turned as a pair. */
export function rotate(x: Value, { cos, sin }: Rotation, gain?: Value): Value {
  return x.builder.emit('rotate', [gain ? mul(x, gain) : x, cos, sin], {});
}
