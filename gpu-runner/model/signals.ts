/** @file What the four signals are fed as, and the context tokens that are made of them. */
import { broadcast, less, reshape, select } from '../compiler/functions.ts';
import type { Rotation } from '../compiler/rotary.ts';
import type { Value } from '../compiler/trace.ts';
import type { Params } from './params.ts';

/** What a run is fed; `keep` vectors are [batch], 1 = the signal is there, 0 = dropped. */
export interface ConditionInputs {
  /** tokens [batch, n, dim], mask [batch, n]: 1 where there is a token. */
  readonly text?: { readonly tokens: Value; readonly mask: Value; readonly keep: Value };
  /** embedding [batch, dim] */
  readonly cls?: { readonly embedding: Value; readonly keep: Value };
  /** grid [batch, rows, columns, dim] over the whole picture. */
  readonly patches?: { readonly grid: Value; readonly keep: Value };
  /** joints [batch, 133, (x, y, confidence)], x and y in [-1, 1]. */
  readonly pose?: { readonly joints: Value; readonly keep: Value };
}

/** Tokens that image queries attend to beside the image. */
export interface ContextGroup {
  /** [batch, tokens, hidden] */
  readonly tokens: Value;
  /** bool [batch, tokens]; true = attended. */
  readonly visible: Value;
  /** Turns the keys; absent: no place. */
  readonly rotation?: Rotation;
}

/** Image tokens of a picture. */
export interface TokenGrid {
  readonly rows: number;
  readonly columns: number;
}

/** [batch] -> bool [batch, 1, ...] of the given rank. */
export function isKept(keep: Value, rank: number): Value {
  const shape = [keep.shape[0] ?? 0, ...new Array<number>(rank - 1).fill(1)];
  return reshape(less(0.5, keep), shape);
}

/** 1 where the mask is true, else 0. */
export function maskToFloat(mask: Value): Value {
  return select(mask, mask.builder.constant([1], []), 0);
}

/** One learned token without a place, attended where `absent`, bool [batch, 1]: it says that a signal is not there. */
export function nullToken(params: Params, name: string, hidden: number, absent: Value): ContextGroup {
  const [batch = 0] = absent.shape;
  return { tokens: broadcast(params.get(name, [hidden], { std: 0.02 }), [batch, 1, hidden]), visible: absent };
}
