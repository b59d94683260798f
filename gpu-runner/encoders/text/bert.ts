/**
 * @file The encoder of BERT (arXiv 1810.04805) from the weights of Hugging Face's BertModel: norms behind each
 * residual, GELU by erf, learned positions. The pooler is left out.
 */
import { Unprocessable } from '../../../errors.ts';
import { attend } from '../../compiler/attention.ts';
import { geluErf, layerNorm } from '../../compiler/composites.ts';
import { add, reshape, transpose } from '../../compiler/functions.ts';
import type { Shape, Tensor } from '../../compiler/tensor.ts';
import { trace, type Value } from '../../compiler/trace.ts';
import { type NetWeights, openWeights, readFloats, requireShape } from '../net-weights.ts';
import { paramsOf } from './params.ts';
import { applyLinear, maskBias, type TextEngine, type TextNet } from './text-net.ts';

export interface BertOptions {
  readonly heads: number;
  /** Added to the variance in norms. */
  readonly eps: number;
}

const LAYER = /^encoder\.layer\.(\d+)\./;

/** Tensors that the graph reads; some files have more, in types of their own. */
const isRead = (name: string) =>
  LAYER.test(name) || /^embeddings\.((word|position|token_type)_embeddings|LayerNorm)\./.test(name);

/** @throws Unprocessable for tensors of another network. */
export function readBert(
  encoder: string,
  files: readonly Uint8Array[],
  engine: TextEngine,
  options: BertOptions,
): TextNet {
  return bertNet(openWeights(encoder, files, { keep: isRead }), engine, options);
}

export function bertNet(weights: NetWeights, engine: TextEngine, net: BertOptions): TextNet {
  const [vocabulary = 0, dim = 0] = requireShape(weights, 'embeddings.word_embeddings.weight');
  const [positions = 0] = requireShape(weights, 'embeddings.position_embeddings.weight');
  const [types = 0] = requireShape(weights, 'embeddings.token_type_embeddings.weight');
  const [inner = 0] = requireShape(weights, 'encoder.layer.0.intermediate.dense.weight');
  if (dim % net.heads !== 0) throw new Unprocessable(`vectors of ${dim} numbers do not fall into ${net.heads} heads`);
  const words = readFloats(weights, 'embeddings.word_embeddings.weight', [vocabulary, dim]);
  const places = readFloats(weights, 'embeddings.position_embeddings.weight', [positions, dim]);
  // Every token is of the first type.
  const type = readFloats(weights, 'embeddings.token_type_embeddings.weight', [types, dim]).subarray(0, dim);
  let layers = 0;
  while (weights.shapeOf(`encoder.layer.${layers}.output.dense.weight`)) layers++;

  const state: Record<string, Tensor> = {};
  const products = engine.precision === 'bf16' ? 'bf16' : 'f32';
  const vector = (name: string, size = dim) => {
    state[name] = weights.read(name, [size]);
  };
  const matrix = (name: string, shape: Shape) => {
    state[`${name}.weight`] = weights.read(`${name}.weight`, shape, products);
    vector(`${name}.bias`, shape[0]);
  };
  const norm = (name: string) => {
    vector(`${name}.weight`);
    vector(`${name}.bias`);
  };
  norm('embeddings.LayerNorm');
  for (let layer = 0; layer < layers; layer++) {
    const at = `encoder.layer.${layer}`;
    for (const part of ['self.query', 'self.key', 'self.value', 'output.dense']) {
      matrix(`${at}.attention.${part}`, [dim, dim]);
    }
    matrix(`${at}.intermediate.dense`, [inner, dim]);
    matrix(`${at}.output.dense`, [dim, inner]);
    norm(`${at}.attention.output.LayerNorm`);
    norm(`${at}.output.LayerNorm`);
  }

  return {
    dim,
    state,
    embed(ids, into) {
      if (ids.length > positions) {
        throw new Unprocessable(`the network has places for ${positions} tokens, not ${ids.length}`);
      }
      for (const [place, id] of ids.entries()) {
        if (id >= vocabulary) throw new Unprocessable(`the network has ${vocabulary} tokens, the tokenizer more`);
        for (let i = 0; i < dim; i++) {
          const sum = (words[id * dim + i] ?? 0) + (places[place * dim + i] ?? 0) + (type[i] ?? 0);
          into[place * dim + i] = sum;
        }
      }
    },
    trace: (batch, length) =>
      trace(builder => {
        const tokens = builder.input('tokens', { shape: [batch, length, dim], dtype: 'f32' });
        const mask = builder.input('mask', { shape: [batch, length], dtype: 'f32' });
        const param = paramsOf(builder, state);
        const fused = engine.tuning?.fusesAttention ?? false;
        return { outputs: { text: encode(tokens, maskBias(mask), { ...net, layers, param, fused }) } };
      }),
  };
}

interface Parts extends BertOptions {
  readonly layers: number;
  readonly param: (name: string) => Value;
  readonly fused: boolean;
}

function encode(tokens: Value, bias: Value, { heads, eps, layers, param, fused }: Parts): Value {
  const [batch = 0, length = 0, dim = 0] = tokens.shape;
  const linear = (x: Value, name: string) => applyLinear(x, param(`${name}.weight`), param(`${name}.bias`));
  const norm = (x: Value, name: string) =>
    layerNorm(x, { gain: param(`${name}.weight`), bias: param(`${name}.bias`), eps });
  const split = (x: Value) => transpose(reshape(x, [batch, length, heads, dim / heads]), [0, 2, 1, 3]);
  let x = norm(tokens, 'embeddings.LayerNorm');
  for (let layer = 0; layer < layers; layer++) {
    const before = x;
    x = tokens.builder.scope(`layer ${layer}`, () => {
      const at = `encoder.layer.${layer}`;
      const [query, key, value] = ['query', 'key', 'value'].map(part =>
        split(linear(before, `${at}.attention.self.${part}`)),
      ) as [Value, Value, Value];
      const mixed = attend(query, [{ key, value }], { bias, fused });
      const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [batch, length, dim]);
      const attended = add(before, linear(joined, `${at}.attention.output.dense`));
      const middle = norm(attended, `${at}.attention.output.LayerNorm`);
      const inner = geluErf(linear(middle, `${at}.intermediate.dense`));
      return norm(add(middle, linear(inner, `${at}.output.dense`)), `${at}.output.LayerNorm`);
    });
  }
  return x;
}
