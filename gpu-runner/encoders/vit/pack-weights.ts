/**
 * @file The weights of a vision transformer as its graph reads them: matrices [inputs, outputs], and what does not
 * change from picture to picture folded in: the normalization of the levels, the scale of the scores, and layer scale.
 */
import type { Precision } from '../../../configs/engines.ts';
import { toBf16Bits } from '../../../formats/half.ts';
import { sizeOf, type Tensor } from '../../compiler/tensor.ts';
import { type NetWeights, readFloats, refuseWeights, requireShape } from '../net-weights.ts';

/** The kind of a network: what its file does not say. */
export interface VitKind {
  /** Numbers of a token. */
  readonly hidden: number;
  readonly heads: number;
  /** Of the layer norms. */
  readonly epsilon: number;
  /** rotary: the base of the wave lengths of rotary positions. Absent: the file has a learned table. */
  readonly rotaryBase?: number;
}

export interface VitShape extends VitKind {
  /** Pixels of the side of a patch. */
  readonly patch: number;
  readonly registers: number;
  readonly blocks: number;
  /** Inner numbers of the feed-forward layers. */
  readonly inner: number;
  /** silu(gate) * up in the feed-forward layers instead of gelu(up). */
  readonly isGated: boolean;
  /** Cells of the side of the learned table of positions. */
  readonly table: number | undefined;
}

/** Of the levels / 255 of ImageNet. */
const MEAN = [0.485, 0.456, 0.406] as const;
const DEVIATION = [0.229, 0.224, 0.225] as const;

/** @throws Unprocessable if the weights are of a network of another kind. */
export function readVitShape(kind: VitKind, file: NetWeights): VitShape {
  const [hidden = 0, channels, patch = 0, across] = requireShape(file, 'embeddings.patch_embeddings.weight');
  if (hidden !== kind.hidden || channels !== 3 || patch !== across) {
    const found = requireShape(file, 'embeddings.patch_embeddings.weight').join(', ');
    throw refuseWeights(
      file.encoder,
      `have patches of [${found}]`,
      `[${kind.hidden}, 3, PATCH, PATCH]: weights of that network`,
    );
  }
  let blocks = 0;
  while (has(file, `layer.${blocks}.norm1.weight`)) blocks++;
  if (blocks === 0) throw refuseWeights(file.encoder, 'have no tensor "layer.0.norm1.weight"');
  const isGated = has(file, 'layer.0.mlp.gate_proj.weight') || has(file, 'layer.0.mlp.weights_in.weight');
  const [, inner = 0] = requireShape(file, 'layer.0.mlp.down_proj.weight');
  const [, registers = 0] = has(file, 'embeddings.register_tokens')
    ? requireShape(file, 'embeddings.register_tokens')
    : [];
  const shape = { ...kind, patch, registers, blocks, inner, isGated };
  if (kind.rotaryBase !== undefined) return { ...shape, table: undefined };
  const [, positions = 0] = requireShape(file, 'embeddings.position_embeddings');
  const table = Math.round(Math.sqrt(positions - 1));
  if (table ** 2 !== positions - 1)
    throw refuseWeights(file.encoder, `have ${positions} positions`, 'a square number and one for CLS');
  return { ...shape, table };
}

function has(file: NetWeights, name: string): boolean {
  return file.shapeOf(name) !== undefined;
}

/** Types of the weights that {@link packWeights} makes, by name. Matrices have the format of `precision`. */
export function weightSpecs(shape: VitShape, precision: Precision): Map<string, Pick<Tensor, 'shape' | 'dtype'>> {
  const { hidden, patch, registers, blocks, inner, isGated, table } = shape;
  const specs = new Map<string, Pick<Tensor, 'shape' | 'dtype'>>();
  const vector = (name: string, ...sizes: readonly number[]) => specs.set(name, { shape: sizes, dtype: 'f32' });
  const linear = (name: string, inputs: number, outputs: number) => {
    specs.set(name, { shape: [inputs, outputs], dtype: precision === 'bf16' ? 'bf16' : 'f32' });
    vector(`${name}_bias`, outputs);
  };
  const norm = (name: string) => {
    vector(`${name}.gain`, hidden);
    vector(`${name}.bias`, hidden);
  };
  linear('patch', 3 * patch ** 2, hidden);
  vector('prefix', 1 + registers, hidden);
  if (table !== undefined) vector('positions', table, table, hidden);
  for (let block = 0; block < blocks; block++) {
    norm(`${block}.norm1`);
    linear(`${block}.qkv`, hidden, 3 * hidden);
    linear(`${block}.out`, hidden, hidden);
    norm(`${block}.norm2`);
    linear(`${block}.up`, hidden, isGated ? 2 * inner : inner);
    linear(`${block}.down`, inner, hidden);
  }
  norm('norm');
  return specs;
}

/** One tensor after the other, so that not all are in memory twice. @throws Unprocessable */
export function* packWeights(
  shape: VitShape,
  file: NetWeights,
  precision: Precision,
): Generator<readonly [name: string, tensor: Tensor]> {
  const { hidden, registers, blocks, inner, isGated, table } = shape;
  const specs = weightSpecs(shape, precision);
  const pack = (name: string, data: Float32Array): readonly [string, Tensor] => {
    const spec = specs.get(name);
    if (spec === undefined || sizeOf(spec.shape) !== data.length)
      throw new TypeError(`${name}: ${data.length} numbers`);
    return [name, { ...spec, data: spec.dtype === 'bf16' ? Uint16Array.from(data, toBf16Bits) : data }];
  };
  const norm = (name: string, from: string) => [
    pack(`${name}.gain`, readFloats(file, `${from}.weight`, [hidden])),
    pack(`${name}.bias`, readFloats(file, `${from}.bias`, [hidden])),
  ];
  const linear = (name: string, parts: readonly Part[]) => {
    const { weight, bias } = packLinear(parts);
    return [pack(name, weight), pack(`${name}_bias`, bias)];
  };
  /** A linear layer of the file; its bias is zero where the file has none. */
  const read = (name: string, outputs: number, inputs: number): Part => ({
    outputs,
    inputs,
    weight: readFloats(file, `${name}.weight`, [outputs, inputs]),
    bias: has(file, `${name}.bias`) ? readFloats(file, `${name}.bias`, [outputs]) : new Float32Array(outputs),
  });

  yield* linear('patch', [patchPart(shape, file)]);
  const prefix = new Float32Array((1 + registers) * hidden);
  prefix.set(readFloats(file, 'embeddings.cls_token', [1, 1, hidden]));
  if (registers > 0) prefix.set(readFloats(file, 'embeddings.register_tokens', [1, registers, hidden]), hidden);
  if (table !== undefined) {
    const positions = readFloats(file, 'embeddings.position_embeddings', [1, 1 + table ** 2, hidden]);
    for (let i = 0; i < hidden; i++) prefix[i]! += positions[i]!;
    yield pack('positions', positions.subarray(hidden));
  }
  yield pack('prefix', prefix);
  for (let block = 0; block < blocks; block++) {
    const from = `layer.${block}`;
    yield* norm(`${block}.norm1`, `${from}.norm1`);
    const project = (part: string) => read(`${from}.attention.${part}_proj`, hidden, hidden);
    const order = shape.rotaryBase === undefined ? undefined : pairHalves(shape);
    const query = { ...project('q'), ...(order && { order }), scale: () => 1 / Math.sqrt(hidden / shape.heads) };
    const key = { ...project('k'), ...(order && { order }) };
    yield* linear(`${block}.qkv`, [query, key, project('v')]);
    const layerScale = (which: 1 | 2) => {
      const name = `${from}.layer_scale${which}.lambda1`;
      const lambda = has(file, name) ? readFloats(file, name, [hidden]) : undefined;
      return { scale: (output: number) => lambda?.[output] ?? 1 };
    };
    yield* linear(`${block}.out`, [{ ...project('o'), ...layerScale(1) }]);
    yield* norm(`${block}.norm2`, `${from}.norm2`);
    const joined = has(file, `${from}.mlp.weights_in.weight`);
    const parts = joined ? ['weights_in'] : isGated ? ['gate_proj', 'up_proj'] : ['up_proj'];
    const outputs = joined ? 2 * inner : inner;
    yield* linear(
      `${block}.up`,
      parts.map(part => read(`${from}.mlp.${part}`, outputs, hidden)),
    );
    yield* linear(`${block}.down`, [{ ...read(`${from}.mlp.down_proj`, hidden, inner), ...layerScale(2) }]);
  }
  yield* norm('norm', 'norm');
}

/** A linear layer as a file has it, and how its outputs change. */
interface Part {
  readonly inputs: number;
  readonly outputs: number;
  /** [outputs, inputs] */
  readonly weight: Float32Array;
  readonly bias: Float32Array;
  /** For each new output, the old one; absent: they stay. */
  readonly order?: readonly number[];
  /** Factor of an old output. */
  scale?(output: number): number;
}

/** The layers side by side: weight [inputs, outputs of all], bias [outputs of all]. */
function packLinear(parts: readonly Part[]): { readonly weight: Float32Array; readonly bias: Float32Array } {
  const inputs = parts[0]?.inputs ?? 0;
  const total = parts.reduce((sum, { outputs }) => sum + outputs, 0);
  const weight = new Float32Array(inputs * total);
  const bias = new Float32Array(total);
  let at = 0;
  for (const { outputs, order, scale, ...part } of parts) {
    const factors = Float64Array.from({ length: outputs }, (_, i) => scale?.(order?.[i] ?? i) ?? 1);
    // Tiles: rows of one matrix are columns of the other, and would fall out of the cache.
    for (let top = 0; top < outputs; top += TILE) {
      for (let left = 0; left < inputs; left += TILE) {
        const right = Math.min(inputs, left + TILE);
        for (let output = top; output < Math.min(outputs, top + TILE); output++) {
          const from = (order?.[output] ?? output) * inputs;
          const factor = factors[output]!;
          for (let input = left; input < right; input++) {
            weight[input * total + at + output] = part.weight[from + input]! * factor;
          }
        }
      }
    }
    for (let output = 0; output < outputs; output++) {
      bias[at + output] = part.bias[order?.[output] ?? output]! * factors[output]!;
    }
    at += outputs;
  }
  return { weight, bias };
}

const TILE = 32;

/** The order that brings channels i and i + half of each head together, as {@link rotate} turns them. */
function pairHalves({ hidden, heads }: VitKind): number[] {
  const dim = hidden / heads;
  return Array.from({ length: hidden }, (_, i) => {
    const channel = i % dim;
    return i - channel + (channel >> 1) + (channel & 1) * (dim / 2);
  });
}

/** Levels from 0 to 255 instead of (level / 255 - mean) / deviation. */
function patchPart({ hidden, patch }: VitShape, file: NetWeights): Part {
  const area = patch ** 2;
  const raw = readFloats(file, 'embeddings.patch_embeddings.weight', [hidden, 3, patch, patch]);
  const weight = new Float32Array(raw.length);
  const bias = readFloats(file, 'embeddings.patch_embeddings.bias', [hidden]).slice();
  for (let output = 0; output < hidden; output++) {
    let shift = 0;
    for (const [channel, mean] of MEAN.entries()) {
      const deviation = DEVIATION[channel] ?? 1;
      const start = (3 * output + channel) * area;
      for (let i = start; i < start + area; i++) {
        weight[i] = raw[i]! / (255 * deviation);
        shift += (raw[i]! * mean) / deviation;
      }
    }
    bias[output]! -= shift;
  }
  return { inputs: 3 * area, outputs: hidden, weight, bias };
}
