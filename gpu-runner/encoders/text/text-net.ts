/** @file What a network over tokens is, to the programs that run it. */
import { biasOf } from '../../compiler/attention.ts';
import type { Engine, Tensors } from '../../compiler/engine.ts';
import { add, less, matmul, reshape } from '../../compiler/functions.ts';
import type { Graph } from '../../compiler/graph.ts';
import type { Value } from '../../compiler/trace.ts';

/** What decides how a network is kept and traced. */
export type TextEngine = Pick<Engine, 'precision' | 'tuning'>;

export interface TextNet {
  /** Numbers of a token's vector before the first layer. */
  readonly dim: number;
  /** Its state: the tensors that its graphs read. */
  readonly state: Tensors;
  /** Writes the vectors of tokens, before the first layer, into f32 [tokens, dim] from its beginning on. */
  embed(ids: readonly number[], into: Float32Array): void;
  /**
   * Inputs `tokens` f32 [batch, length, dim] and `mask` f32 [batch, length], 1 for a token; output `text`
   * [batch, length, numbers of a result].
   */
  trace(batch: number, length: number): Graph;
}

/** Bias [batch, 1, 1, length] of attention that hides the places without a token. */
export function maskBias(mask: Value): Value {
  const [batch = 0, length = 0] = mask.shape;
  return reshape(biasOf(less(0.5, mask)), [batch, 1, 1, length]);
}

/** x [..., in] times a weight as PyTorch has it, [out, in], plus a bias [out]. */
export function applyLinear(x: Value, weight: Value, bias?: Value): Value {
  const [outputs = 0, inputs = 0] = weight.shape;
  const product = matmul(reshape(x, [-1, inputs]), weight, { transposeB: true });
  return reshape(bias ? add(product, bias) : product, [...x.shape.slice(0, -1), outputs]);
}
