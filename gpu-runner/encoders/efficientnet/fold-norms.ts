/** @file The parameters of EfficientNet-Lite from the tensors of the package efficientnet_lite_pytorch. */
import { Unprocessable } from '../../../errors.ts';
import type { DecodedTensor } from '../../../formats/tensor.ts';
import type { Shape, Tensor } from '../../compiler/tensor.ts';
import { convolutionsOf, type EfficientNet, layOut } from './network.ts';

/** Added to the variance under the root. */
export const EPSILON = 1e-3;

export type NamedTensors = Readonly<Record<string, DecodedTensor>>;

/**
 * `NAME.weight` and `NAME.bias` of each convolution, with the norm behind it folded in.
 * @throws Unprocessable if a tensor is missing, or has another shape or type.
 */
export function foldNorms(net: EfficientNet, tensors: NamedTensors): Record<string, Tensor> {
  const params: Record<string, Tensor> = {};
  for (const { name, norm, shape } of convolutionsOf(layOut(net))) {
    const weight = requireTensor(net, tensors, `${name}.weight`, shape);
    const [outputs = 0] = shape;
    const { gain, bias, mean, variance } = readNorm(net, tensors, norm, outputs);
    const scaled = weight.slice();
    const shifted = bias.slice();
    const perOutput = weight.length / outputs;
    for (let output = 0; output < outputs; output++) {
      const scale = gain[output]! / Math.sqrt(variance[output]! + EPSILON);
      for (let i = output * perOutput; i < (output + 1) * perOutput; i++) scaled[i]! *= scale;
      shifted[output]! -= mean[output]! * scale;
    }
    params[`${name}.weight`] = { shape, dtype: 'f32', data: scaled };
    params[`${name}.bias`] = { shape: [outputs, 1, 1], dtype: 'f32', data: shifted };
  }
  return params;
}

export interface Spread {
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

/**
 * Mean and standard deviation of each channel of a stage over the pictures of the training. A norm makes them its bias
 * and gain; the blocks of a stage add up, and are taken as independent.
 */
export function spreadOfStage(net: EfficientNet, stage: number, tensors: NamedTensors): Spread {
  const blocks = layOut(net).blocks.filter(block => block.stage === stage);
  const channels = net.stages[stage]?.outputs ?? 0;
  const norms = blocks.map(({ project }) => readNorm(net, tensors, project.norm, channels));
  const sum = (term: (norm: Norm) => Float32Array, map: (value: number) => number) =>
    Float32Array.from({ length: channels }, (_, i) => norms.reduce((total, norm) => total + map(term(norm)[i]!), 0));
  return {
    mean: sum(
      norm => norm.bias,
      value => value,
    ),
    deviation: sum(
      norm => norm.gain,
      value => value ** 2,
    ).map(Math.sqrt),
  };
}

interface Norm {
  readonly gain: Float32Array;
  readonly bias: Float32Array;
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

function readNorm(net: EfficientNet, tensors: NamedTensors, name: string, channels: number): Norm {
  const read = (part: string) => requireTensor(net, tensors, `${name}.${part}`, [channels]);
  return { gain: read('weight'), bias: read('bias'), mean: read('running_mean'), variance: read('running_var') };
}

function requireTensor(net: EfficientNet, tensors: NamedTensors, name: string, shape: Shape): Float32Array {
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
  if (tensor?.dtype === 'f32' && tensor.shape.join() === shape.join()) return tensor.data;
  const found = tensor === undefined ? 'no tensor' : `${tensor.dtype}[${tensor.shape.join(', ')}] as`;
  throw new Unprocessable(`the weights have ${found} "${name}"`, {
    expected: `f32[${shape.join(', ')}]: the weights of \`easel models install ${net.name}\``,
  });
}
