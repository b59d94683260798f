/**
 * @file The encoder of T5 (arXiv 1910.10683) from the weights of Hugging Face transformers, of any size: v1.0 with a
 * ReLU between two matrices, and v1.1 or FLAN with a gated GELU (arXiv 2002.05202). Norms before each residual divide
 * by the root mean square; scores are not scaled; a bias by relative position is added to those of every layer.
 */
import { Unprocessable } from '../../../errors.ts';
import { attend } from '../../compiler/attention.ts';
import { gelu, rmsNorm } from '../../compiler/composites.ts';
import { add, gather, max, mul, reshape, transpose } from '../../compiler/functions.ts';
import type { Shape, Tensor } from '../../compiler/tensor.ts';
import { trace, type Value } from '../../compiler/trace.ts';
import { type NetWeights, openWeights, readFloats, requireShape } from '../net-weights.ts';
import { paramsOf } from './params.ts';
import { relativeBuckets } from './relative-buckets.ts';
import { applyLinear, maskBias, type TextEngine, type TextNet } from './text-net.ts';

/** Added to the mean square in norms. */
const EPS = 1e-6;

/** Tensors of the encoder; files of whole models have those of a decoder, too. */
const isRead = (name: string) =>
  /^(shared|encoder\.embed_tokens)\.weight$|^encoder\.(block|final_layer_norm)\./.test(name);

interface T5Sizes {
  readonly vocabulary: number;
  /** Numbers of a token's vector. */
  readonly dim: number;
  readonly layers: number;
  readonly heads: number;
  /** Numbers of a head. */
  readonly headDim: number;
  readonly inner: number;
  readonly gated: boolean;
  /** Buckets of relative positions. */
  readonly buckets: number;
}

const BIAS = 'layer.0.SelfAttention.relative_attention_bias.weight';

/** The sizes of a T5 from the shapes of its tensors. @throws Unprocessable for tensors of another network. */
function t5SizesOf(weights: NetWeights): T5Sizes & { readonly table: string } {
  const table = ['shared.weight', 'encoder.embed_tokens.weight'].find(name => weights.shapeOf(name)) ?? 'shared.weight';
  const [vocabulary = 0, dim = 0] = requireShape(weights, table);
  const [buckets = 0, heads = 0] = requireShape(weights, `encoder.block.0.${BIAS}`);
  const [width = 0] = requireShape(weights, 'encoder.block.0.layer.0.SelfAttention.q.weight');
  const gated = weights.shapeOf('encoder.block.0.layer.1.DenseReluDense.wi_0.weight') !== undefined;
  const [inner = 0] = requireShape(weights, `encoder.block.0.layer.1.DenseReluDense.${gated ? 'wi_0' : 'wi'}.weight`);
  let layers = 0;
  while (weights.shapeOf(`encoder.block.${layers}.layer.1.layer_norm.weight`)) layers++;
  if (weights.shapeOf(`encoder.block.1.${BIAS}`)) {
    throw new Unprocessable('each block of the network has a bias by relative position of its own', {
      expected: 'a T5, whose blocks share that of the first one',
    });
  }
  if (width % heads !== 0 || buckets % 4 !== 0) {
    throw new Unprocessable(`${width} numbers and ${buckets} buckets do not fall into ${heads} heads`, {
      expected: 'the tensors of a T5',
    });
  }
  return { vocabulary, dim, layers, heads, headDim: width / heads, inner, gated, buckets, table };
}

/** @throws Unprocessable for tensors of another network, and for an engine that computes in f16. */
export function readT5(encoder: string, files: readonly Uint8Array[], engine: TextEngine): TextNet {
  if (engine.precision === 'f16') {
    throw new Unprocessable('T5 does not compute in f16: numbers inside of it are larger than f16 has', {
      expected: 'precision f32 or bf16',
    });
  }
  return t5Net(openWeights(encoder, files, { keep: isRead }), engine);
}

export function t5Net(weights: NetWeights, engine: TextEngine): TextNet {
  const sizes = t5SizesOf(weights);
  const { vocabulary, dim } = sizes;
  const words = readFloats(weights, sizes.table, [vocabulary, dim]);
  const state = readState(weights, sizes, engine.precision === 'bf16' ? 'bf16' : 'f32');
  return {
    dim,
    state,
    embed(ids, into) {
      for (const [place, id] of ids.entries()) {
        if (id >= vocabulary) throw new Unprocessable(`the network has ${vocabulary} tokens, the tokenizer more`);
        into.set(words.subarray(id * dim, (id + 1) * dim), place * dim);
      }
    },
    trace: (batch, length) =>
      trace(builder => {
        const tokens = builder.input('tokens', { shape: [batch, length, dim], dtype: 'f32' });
        const mask = builder.input('mask', { shape: [batch, length], dtype: 'f32' });
        const parts = { ...sizes, param: paramsOf(builder, state), fused: engine.tuning?.fusesAttention ?? false };
        return { outputs: { text: encode(tokens, mask, parts) } };
      }),
  };
}

function readState(weights: NetWeights, sizes: T5Sizes, products: 'f32' | 'bf16'): Record<string, Tensor> {
  const { dim, layers, heads, headDim, inner, gated, buckets } = sizes;
  const state: Record<string, Tensor> = {};
  const read = (name: string, shape: Shape, dtype?: 'f32' | 'bf16') => {
    state[name] = weights.read(name, shape, dtype);
  };
  read('encoder.final_layer_norm.weight', [dim]);
  read(`encoder.block.0.${BIAS}`, [buckets, heads]);
  for (let layer = 0; layer < layers; layer++) {
    const at = `encoder.block.${layer}`;
    for (const part of ['q', 'k', 'v']) {
      read(`${at}.layer.0.SelfAttention.${part}.weight`, [heads * headDim, dim], products);
    }
    read(`${at}.layer.0.SelfAttention.o.weight`, [dim, heads * headDim], products);
    for (const part of gated ? ['wi_0', 'wi_1'] : ['wi']) {
      read(`${at}.layer.1.DenseReluDense.${part}.weight`, [inner, dim], products);
    }
    read(`${at}.layer.1.DenseReluDense.wo.weight`, [dim, inner], products);
    for (const part of [0, 1]) read(`${at}.layer.${part}.layer_norm.weight`, [dim]);
  }
  return state;
}

interface Parts extends T5Sizes {
  readonly param: (name: string) => Value;
  readonly fused: boolean;
}

function encode(tokens: Value, mask: Value, parts: Parts): Value {
  const [batch = 0, length = 0] = tokens.shape;
  const { layers, heads, headDim, gated, param, fused } = parts;
  const norm = (x: Value, name: string) => rmsNorm(x, { gain: param(`${name}.weight`), eps: EPS });
  const split = (x: Value) => transpose(reshape(x, [batch, length, heads, headDim]), [0, 2, 1, 3]);
  // [1, heads, length, length] and [batch, 1, 1, length].
  const bias = add(relativeBias(param(`encoder.block.0.${BIAS}`), length), maskBias(mask));
  let x = tokens;
  for (let layer = 0; layer < layers; layer++) {
    const before = x;
    x = tokens.builder.scope(`layer ${layer}`, () => {
      const at = `encoder.block.${layer}.layer`;
      const attention = `${at}.0.SelfAttention`;
      const normed = norm(before, `${at}.0.layer_norm`);
      const project = (part: string) => split(applyLinear(normed, param(`${attention}.${part}.weight`)));
      const groups = [{ key: project('k'), value: project('v') }];
      const mixed = attend(project('q'), groups, { scale: 1, bias, fused });
      const joined = reshape(transpose(mixed, [0, 2, 1, 3]), [batch, length, heads * headDim]);
      const attended = add(before, applyLinear(joined, param(`${attention}.o.weight`)));
      const inner = norm(attended, `${at}.1.layer_norm`);
      const apply = (input: Value, part: string) => applyLinear(input, param(`${at}.1.DenseReluDense.${part}.weight`));
      const active = gated ? mul(gelu(apply(inner, 'wi_0')), apply(inner, 'wi_1')) : max(apply(inner, 'wi'), 0);
      return add(attended, apply(active, 'wo'));
    });
  }
  return norm(x, 'encoder.final_layer_norm');
}

/** @param table [buckets, heads]. @returns [1, heads, length, length] */
function relativeBias(table: Value, length: number): Value {
  const [buckets = 0, heads = 0] = table.shape;
  const pairs = table.builder.constant(relativeBuckets(length, buckets), [length * length], 'i32');
  return reshape(transpose(gather(table, pairs, 0), [1, 0]), [1, heads, length, length]);
}
