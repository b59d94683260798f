/**
 * @file A network of the shape of SSCD (arXiv 2202.10261), with random weights: ResNet-50 with few channels, GeM
 * pooling, a projection and rows of length 1, by the operators that PyTorch exports.
 */

import { encodeModel, type OnnxInitializer, type OnnxNode } from '../../compiler/targets/onnx/model.ts';
import { floats, ints, node } from '../../compiler/targets/onnx/testing/model-of.ts';

/** Blocks of each stage, as in ResNet-50. */
const STAGES = [3, 4, 6, 3];
const EXPANSION = 4;

export interface CopyNetOptions {
  /** Channels of the first stage; those of ResNet-50 are 64. */
  readonly channels: number;
  /** Numbers of a picture. */
  readonly dim: number;
  /** `spelled`: the norm as PyTorch writes it. `operator`: LpNormalization. */
  readonly norm: 'spelled' | 'operator';
}

/** Input `image` [1, 3, 64, 64], output `descriptor` [1, dim]. */
export function makeCopyNet({ channels, dim, norm }: CopyNetOptions): Uint8Array {
  const nodes: OnnxNode[] = [];
  const initializers: OnnxInitializer[] = [];
  let made = 0;
  const add = (type: string, inputs: string, attributes: OnnxNode['attributes'] = {}): string => {
    const output = `v${made++}`;
    nodes.push(node(type, inputs, output, attributes));
    return output;
  };
  const weight = (shape: readonly number[], change: (x: number) => number): string => {
    const name = `w${initializers.length}`;
    initializers.push(floats(name, shape, initializers.length, change));
    return name;
  };
  const convolve = (x: string, from: number, to: number, side: number, stride = 1): string => {
    const pad = (side - 1) / 2;
    // Keeps the spread of the numbers about what it is, through all 50 layers.
    const w = weight([to, from, side, side], value => value * Math.sqrt(3 / (from * side * side)));
    const c = add('Conv', `${x} ${w}`, {
      ...{ kernel_shape: [side, side], strides: [stride, stride], pads: [pad, pad, pad, pad] },
    });
    const [gain, bias] = [weight([to], value => 1 + 0.2 * value), weight([to], value => 0.1 * value)];
    const [mean, variance] = [weight([to], value => 0.1 * value), weight([to], value => 1 + 0.3 * value)];
    return add('BatchNormalization', `${c} ${gain} ${bias} ${mean} ${variance}`, { epsilon: { float: 1e-5 } });
  };

  let x = add('Relu', convolve('image', 3, channels, 7, 2));
  x = add('MaxPool', x, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  let from = channels;
  for (const [stage, blocks] of STAGES.entries()) {
    const inner = channels * 2 ** stage;
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const first = add('Relu', convolve(x, from, inner, 1));
      const second = add('Relu', convolve(first, inner, inner, 3, stride));
      const third = convolve(second, inner, inner * EXPANSION, 1);
      const beside = block === 0 ? convolve(x, from, inner * EXPANSION, 1, stride) : x;
      x = add('Relu', add('Add', `${third} ${beside}`));
      from = inner * EXPANSION;
    }
  }
  const power = (value: number) => weight([], () => value);
  const pooled = add('GlobalAveragePool', add('Pow', `${add('Clip', `${x} ${power(1e-6)}`)} ${power(3)}`));
  const flat = add('Flatten', add('Pow', `${pooled} ${power(1 / 3)}`));
  const w = weight([dim, from], value => value * Math.sqrt(3 / from));
  const row = add('Gemm', `${flat} ${w} ${weight([dim], value => 0.1 * value)}`, { transB: 1 });
  nodes.push(...normalize(row, norm));
  if (norm === 'spelled')
    initializers.push(
      ints('size', [1, dim]),
      floats('least', [], 0, () => 1e-12),
    );
  return encodeModel({
    ...{ nodes, initializers, opset: 17 },
    inputs: [['image', { shape: [1, 3, 64, 64], dtype: 'f32' }]],
    outputs: [['descriptor', { shape: [1, dim], dtype: 'f32' }]],
  });
}

/** torch.nn.functional.normalize. */
function normalize(row: string, norm: CopyNetOptions['norm']): OnnxNode[] {
  if (norm === 'operator') return [node('LpNormalization', row, 'descriptor', { axis: -1, p: 2 })];
  return [
    node('ReduceL2', row, 'length', { axes: [-1], keepdims: 1 }),
    node('Clip', 'length least', 'safe'),
    node('Expand', 'safe size', 'wide'),
    node('Div', `${row} wide`, 'descriptor'),
  ];
}
