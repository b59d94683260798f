/** @file Rotary embedding (RoFormer, arXiv 2104.09864): neighbouring channels rotate as pairs. */
import { mul } from './functions.ts';
import type { Value } from './trace.ts';

/** Cosines and sines of the angles; both channels of a pair have the same angle. Broadcast to [..., tokens, dim]. */
export interface Rotation {
  readonly cos: Value;
  readonly sin: Value;
}

/** Multiplies x [..., tokens, dim] by gain [dim], then rotates channels 2i and 2i + 1 as a pair. */
export function rotate(x: Value, { cos, sin }: Rotation, gain?: Value): Value {
  return x.builder.emit('rotate', [gain ? mul(x, gain) : x, cos, sin], {});
}
