/** @file The graph inputs of a signal, and the tokens and vectors that the network makes of them. */
import type { ModelConfig } from '../../../configs/schema.ts';
import type { SignalName, VectorNorm } from '../../../configs/signals.ts';
import { rmsNorm } from '../../compiler/composites.ts';
import { broadcast, less, reshape, select } from '../../compiler/functions.ts';
import type { Rotation } from '../../compiler/rotary.ts';
import type { Value } from '../../compiler/trace.ts';
import type { Params } from '../params.ts';

/** The graph inputs of one signal. */
export interface SignalInput {
  /** f32 [batch, ...shapeOfSignal]. */
  readonly value: Value;
  /** Padded signals only: f32 [batch, rows], 1 for a row that the picture has, 0 for padding. */
  readonly mask?: Value;
  /** f32 [batch]: 1 = the signal is there, 0 = dropped. */
  readonly keep: Value;
}

/** The signals that a model is conditioned on. */
export type ConditionInputs = Readonly<Partial<Record<SignalName, SignalInput>>>;

/** The tokens and vectors that the network reads, of one signal or of all. */
export interface SignalParts {
  readonly context?: readonly ContextGroup[];
  /** Added to the time embedding, [batch, hidden] each. */
  readonly pooled?: readonly Value[];
  /** Added to the image tokens, [batch, tokens, hidden] each. */
  readonly spatial?: readonly Value[];
}

/** Embeds a signal for each architecture. A dropped signal must leave no trace: its numbers pass a select. */
export type SignalLayer = Readonly<
  Record<ModelConfig['arch'], (params: Params, model: ModelConfig, input: SignalInput, grid: TokenGrid) => SignalParts>
>;

/** Tokens beside the image that image queries attend to. */
export interface ContextGroup {
  /** [batch, tokens, hidden] */
  readonly tokens: Value;
  /** bool [batch, tokens]; true = attended. */
  readonly visible: Value;
  /** Rotates the keys; absent: the tokens have no place. */
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

/** The vectors of an encoder as the network projects them. */
export function normalize(vectors: Value, norm: VectorNorm): Value {
  return norm === 'rms' ? rmsNorm(vectors) : vectors;
}

/** 1 where the mask is true, else 0. */
export function maskToFloat(mask: Value): Value {
  return select(mask, mask.builder.constant([1], []), 0);
}

/**
 * One learned token without a place, visible where `absent`, bool [batch, 1], is true: it says that a signal is
 * missing.
 */
export function nullToken(params: Params, name: string, hidden: number, absent: Value): ContextGroup {
  const [batch = 0] = absent.shape;
  return { tokens: broadcast(params.embedding(name, [hidden]), [batch, 1, hidden]), visible: absent };
}
