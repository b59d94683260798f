/** @file Text encoders with random weights, of the sizes that people use. */
import { toBf16Bits } from '../formats/half.ts';
import { type Shape, sizeOf } from '../gpu-runner/compiler/tensor.ts';
import type { NetWeights } from '../gpu-runner/encoders/net-weights.ts';
import { bertNet } from '../gpu-runner/encoders/text/bert.ts';
import { t5Net } from '../gpu-runner/encoders/text/t5.ts';
import type { TextEngine, TextNet } from '../gpu-runner/encoders/text/text-net.ts';
import { RandomStream } from '../numerics/random-stream.ts';

/** Numbers that are drawn; they repeat, since drawing all of a large network takes minutes. */
const DRAWN = 65_536;

/** Weights of tensors whose shapes are known by name. */
function randomWeights(shapeOf: (name: string) => Shape | undefined): NetWeights {
  const drawn = new Float32Array(DRAWN);
  new RandomStream(0, 'sample', 0).fillNormal(drawn);
  const short = Uint16Array.from(drawn, x => toBf16Bits(0.03 * x));
  const floats = drawn.map(x => 0.03 * x);
  return {
    encoder: 'random',
    shapeOf,
    read(_, shape, dtype = 'f32') {
      const size = sizeOf(shape);
      const data = dtype === 'bf16' ? new Uint16Array(size) : new Float32Array(size);
      const from = dtype === 'bf16' ? short : floats;
      for (let at = 0; at < size; at += DRAWN) data.set(from.subarray(0, Math.min(DRAWN, size - at)), at);
      return { shape, dtype, data };
    },
  };
}

interface T5Shape {
  readonly dim: number;
  readonly inner: number;
  readonly layers: number;
  readonly heads: number;
}

function t5(engine: TextEngine, { dim, inner, layers, heads }: T5Shape): TextNet {
  const shapes: readonly (readonly [RegExp, Shape])[] = [
    [/^shared\.weight$/, [100, dim]],
    [/block\.0\.layer\.0\.SelfAttention\.relative_attention_bias/, [32, heads]],
    [/SelfAttention\.[qkv]\.weight$/, [64 * heads, dim]],
    [/DenseReluDense\.wi\.weight$/, [inner, dim]],
    [/layer_norm\.weight$/, [dim]],
  ];
  return t5Net(
    randomWeights(name => {
      const block = Number(/block\.(\d+)\./.exec(name)?.[1] ?? 0);
      return block < layers ? shapes.find(([pattern]) => pattern.test(name))?.[1] : undefined;
    }),
    engine,
  );
}

function minilm(engine: TextEngine): TextNet {
  const shapes: readonly (readonly [RegExp, Shape])[] = [
    [/word_embeddings/, [100, 384]],
    [/position_embeddings/, [512, 384]],
    [/token_type_embeddings/, [2, 384]],
    [/layer\.[0-5]\.intermediate\.dense\.weight/, [1536, 384]],
    [/layer\.[0-5]\.output\.dense\.weight/, [384, 1536]],
  ];
  const weights = randomWeights(name => shapes.find(([pattern]) => pattern.test(name))?.[1]);
  return bertNet(weights, engine, { heads: 12, eps: 1e-12 });
}

export const TEXT_NETS: Readonly<Record<string, (engine: TextEngine) => TextNet>> = {
  'minilm-l6': minilm,
  't5-base': engine => t5(engine, { dim: 768, inner: 3072, layers: 12, heads: 12 }),
  't5-large': engine => t5(engine, { dim: 1024, inner: 4096, layers: 24, heads: 16 }),
};
