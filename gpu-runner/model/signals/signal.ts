/** @file The graph inputs of a signal, and the tokens and vectors that the network makes of them. */
import type { ModelConfig } from '../../../configs/schema.ts';
import type { SignalName, VectorNorm } from '../../../configs/signals.ts';
import { layerNorm, linear, rmsNorm } from '../../compiler/composites.ts';
import { add, broadcast, less, mul, reshape, select } from '../../compiler/functions.ts';
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

/** The picture whose signals are embedded. */
export interface SignalFrame extends TokenGrid {
  /** The time embedding, [batch, hidden]. */
  readonly time: () => Value;
}

/** Embeds a signal as the model's config says. A dropped signal must leave no trace: its numbers pass a select. */
export type SignalLayer = (params: Params, model: ModelConfig, input: SignalInput, frame: SignalFrame) => SignalParts;

/** Tokens beside the image that image queries attend to. */
export interface ContextGroup {
  /** [batch, tokens, hidden] */
  readonly tokens: Value;
  /** bool [batch, tokens]; true = attended. */
  readonly visible: Value;
  /** Rotates the keys; absent: the tokens have no place. */
  readonly rotation?: Rotation;
  /** Added to the scores of visible tokens: broadcasts to [batch, tokens]. */
  readonly bias?: Value;
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

/** Vectors [..., dim] -> [..., hidden], by `<name>` and, with `projection_bias`, `<name>_bias`. */
export function project(params: Params, model: ModelConfig, name: string, vectors: Value): Value {
  const hidden = model.hidden_size;
  const projected = linear(vectors, params.weight(name, vectors.shape.at(-1) ?? 0, hidden));
  return model.projection_bias ? add(projected, params.zeros(`${name}_bias`, [hidden])) : projected;
}

/** Context tokens, normed and multiplied by the gain `<name>`. @param usual The norm of a model that names none. */
export function normContext(
  params: Params,
  model: ModelConfig,
  name: string,
  tokens: Value,
  usual: VectorNorm = 'rms',
): Value {
  const norm = model.context_norm;
  if (norm === 'none') return tokens;
  const normal = norm === 'layer' ? layerNorm(tokens) : norm === 'rms' ? rmsNorm(tokens) : normalize(tokens, usual);
  return mul(normal, params.gain(name, model.hidden_size));
}

/** A vector for a dropped signal, of the size of its token, or of its numbers with `nulls: input`. */
export function nullVector(params: Params, { hidden_size, nulls }: ModelConfig, name: string, dim: number): Value {
  return nulls === 'input' ? params.embedding(name, [dim], 0) : params.embedding(name, [hidden_size]);
}

/** The {@link ContextGroup.bias} of one token that stands for `count` equal ones; undefined: it stands for itself. */
export function biasOfCopies({ builder }: Params, { null_tokens }: ModelConfig, count: number): Value | undefined {
  return null_tokens === 'all' && count > 1 ? builder.constant([Math.fround(Math.log(count))], []) : undefined;
}

/** 1 where the mask is true, else 0. */
export function maskToFloat(mask: Value): Value {
  return select(mask, mask.builder.constant([1], []), 0);
}

/**
 * A token [hidden] without a place, visible where `absent`, bool [batch, 1], is true: it says that a signal is missing.
 */
export function nullToken(token: Value, absent: Value, bias?: Value): ContextGroup {
  const [batch = 0] = absent.shape;
  return { tokens: broadcast(token, [batch, 1, token.shape.at(-1) ?? 0]), visible: absent, ...(bias && { bias }) };
}
