/** @file The blocks of both towers of CLIP (arXiv 2103.00020), under the names of transformers' CLIPModel. */
import { attend } from '../../compiler/attention.ts';
import { layerNorm } from '../../compiler/composites.ts';
import { add, mul, reshape, sigmoid, transpose } from '../../compiler/functions.ts';
import type { Tensor } from '../../compiler/tensor.ts';
import type { Value } from '../../compiler/trace.ts';
import { type NetWeights, refuseWeights, requireShape } from '../net-weights.ts';
import { applyLinear } from '../text/text-net.ts';

const EPSILON = 1e-5;

export interface Tower {
  readonly name: 'text_model' | 'vision_model';
  /** Numbers of a token. */
  readonly hidden: number;
  readonly heads: number;
  readonly blocks: number;
}

/** @throws Unprocessable for the weights of another network. */
export function readTower(weights: NetWeights, name: Tower['name'], heads: number): Tower {
  const [hidden = 0] = requireShape(weights, `${name}.encoder.layers.0.layer_norm1.weight`);
  if (hidden % heads !== 0) throw refuseWeights(weights.encoder, `have tokens of ${hidden} numbers`, `${heads} heads`);
  let blocks = 0;
  while (weights.shapeOf(`${name}.encoder.layers.${blocks}.layer_norm1.weight`)) blocks++;
  return { name, hidden, heads, blocks };
}

/** The tensors of the blocks. @param products Type in which matrices are kept. @throws Unprocessable */
export function readBlocks(weights: NetWeights, tower: Tower, products: 'f32' | 'bf16'): Record<string, Tensor> {
  const { name, hidden, blocks } = tower;
  const state: Record<string, Tensor> = {};
  const [inner = 0] = requireShape(weights, `${name}.encoder.layers.0.mlp.fc1.weight`);
  for (let block = 0; block < blocks; block++) {
    const at = `${name}.encoder.layers.${block}`;
    const matrix = (part: string, outputs: number, inputs: number) => {
      state[`${at}.${part}.weight`] = weights.read(`${at}.${part}.weight`, [outputs, inputs], products);
      state[`${at}.${part}.bias`] = weights.read(`${at}.${part}.bias`, [outputs]);
    };
    for (const part of ['q_proj', 'k_proj', 'v_proj', 'out_proj']) matrix(`self_attn.${part}`, hidden, hidden);
    matrix('mlp.fc1', inner, hidden);
    matrix('mlp.fc2', hidden, inner);
    for (const norm of ['layer_norm1', 'layer_norm2']) Object.assign(state, readNorm(weights, `${at}.${norm}`, hidden));
  }
  return state;
}

export function readNorm(weights: NetWeights, name: string, size: number): Record<string, Tensor> {
  return Object.fromEntries(
    ['weight', 'bias'].map(part => [`${name}.${part}`, weights.read(`${name}.${part}`, [size])] as const),
  );
}

export interface TowerParts {
  /** A tensor of the state by its name, in f32. */
  readonly param: (name: string) => Value;
  readonly fused: boolean;
  /** Added to the scores: [batch, 1, tokens, tokens]. */
  readonly bias?: Value;
}

/** Tokens [batch, tokens, hidden] through all blocks. */
export function runBlocks(tokens: Value, tower: Tower, { param, fused, bias }: TowerParts): Value {
  const { name, hidden, heads, blocks } = tower;
  const [batch = 0, count = 0] = tokens.shape;
  const linear = (x: Value, at: string) => applyLinear(x, param(`${at}.weight`), param(`${at}.bias`));
  const split = (x: Value) => transpose(reshape(x, [batch, count, heads, hidden / heads]), [0, 2, 1, 3]);
  let x = tokens;
  for (let block = 0; block < blocks; block++) {
    const before = x;
    x = tokens.builder.scope(`block ${block}`, () => {
      const at = `${name}.encoder.layers.${block}`;
      const normed = normalize(before, `${at}.layer_norm1`, param);
      const part = (which: string) => split(linear(normed, `${at}.self_attn.${which}_proj`));
      const mixed = attend(part('q'), [{ key: part('k'), value: part('v') }], { fused, ...(bias && { bias }) });
      const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [batch, count, hidden]);
      const attended = add(before, linear(joined, `${at}.self_attn.out_proj`));
      const inner = linear(normalize(attended, `${at}.layer_norm2`, param), `${at}.mlp.fc1`);
      return add(attended, linear(quickGelu(inner), `${at}.mlp.fc2`));
    });
  }
  return x;
}

export function normalize(x: Value, name: string, param: TowerParts['param']): Value {
  return layerNorm(x, { gain: param(`${name}.weight`), bias: param(`${name}.bias`), eps: EPSILON });
}

/** x sigmoid(1.702 x): what CLIP has for gelu. */
function quickGelu(x: Value): Value {
  return mul(x, sigmoid(mul(x, 1.702)));
}
