/** @file The parameters of EfficientNet-Lite as a graph makes them of the tensors of its file, norms folded in. */
import { add, mul, reshape, rsqrt, sqrt, square, sub } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';
import { EPSILON } from './fold-norms.ts';
import { type Convolution, convolutionsOf, type EfficientNet, layOut, type ParamSource } from './network.ts';

/** What {@link foldNorms} computes on the host, for a net whose tensors are state. @param read Tensors of the file. */
export function foldedParams(net: EfficientNet, read: ParamSource): ParamSource {
  const convolutions = new Map(convolutionsOf(layOut(net)).map(each => [each.name, each]));
  return (name, shape) => {
    const convolution = convolutions.get(name.slice(0, name.lastIndexOf('.')));
    if (convolution === undefined) throw new TypeError(`the net has no convolution of the parameter ${name}`);
    const { gain, bias, mean, variance } = readNorm(convolution, read);
    const scale = mul(gain, rsqrt(add(variance, EPSILON)));
    if (name.endsWith('.bias')) return reshape(sub(bias, mul(mean, scale)), shape);
    return mul(read(name, shape), reshape(scale, [-1, 1, 1, 1]));
  };
}

/** Mean and standard deviation of the channels of a stage, [channels] each: see {@link spreadOfStage}. */
export function foldedSpread(net: EfficientNet, stage: number, read: ParamSource) {
  const norms = layOut(net)
    .blocks.filter(block => block.stage === stage)
    .map(({ project }) => readNorm(project, read));
  const sum = (values: readonly Value[]) => values.reduce((a, b) => add(a, b));
  return { mean: sum(norms.map(({ bias }) => bias)), deviation: sqrt(sum(norms.map(({ gain }) => square(gain)))) };
}

function readNorm({ norm, shape }: Convolution, read: ParamSource) {
  const part = (name: string) => read(`${norm}.${name}`, [shape[0] ?? 0]);
  return { gain: part('weight'), bias: part('bias'), mean: part('running_mean'), variance: part('running_var') };
}
