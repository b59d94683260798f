/**
 * @file Networks for predictions and measurements of memory: those of the other benchmarks, a perceptron, and the
 * attention of one block.
 */
import { attend } from '../../gpu-runner/compiler/attention.ts';
import { gelu, linear } from '../../gpu-runner/compiler/composites.ts';
import * as f from '../../gpu-runner/compiler/functions.ts';
import { grad } from '../../gpu-runner/compiler/grad.ts';
import type { Graph } from '../../gpu-runner/compiler/graph.ts';
import { remat } from '../../gpu-runner/compiler/remat.ts';
import { trace, type Value } from '../../gpu-runner/compiler/trace.ts';
import { traceLabNet } from '../lab-net.ts';
import { MODEL_NETS, type ModelNet, traceModelNet } from '../model-nets.ts';

export interface MemoryNetOptions {
  readonly remat: boolean;
  /** Keys per chunk of attention. */
  readonly chunk?: number;
}

/** A perceptron of eight layers of width 512 over 8192 rows. */
function traceMlp({ remat: isRemat }: MemoryNetOptions): Graph {
  const width = 512;
  return trace(builder => {
    let x = builder.input('x', { shape: [8192, width], dtype: 'f32' });
    const weights = Array.from({ length: 8 }, (_, layer) =>
      builder.state(`w${layer}`, { shape: [width, width], dtype: 'f32' }),
    );
    for (const weight of weights) {
      const layer = () => f.add(x, gelu(linear(x, weight)));
      x = isRemat ? remat(builder, layer) : layer();
    }
    const loss = f.sumAll(f.square(x));
    const gradients = grad(loss, weights).map((gradient, layer) => [`g${layer}`, gradient] as const);
    return { outputs: { loss }, writes: Object.fromEntries(gradients) };
  });
}

/** Forward and backward of softmax attention alone: batch 1, head size 64, gradients of query, keys and values. */
function traceAttention(queries: number, keys: number, heads: number, { chunk }: MemoryNetOptions): Graph {
  return trace(builder => {
    const source = (name: string, tokens: number): Value =>
      builder.state(name, { shape: [1, heads, tokens, 64], dtype: 'f32' });
    const [query, key, value] = [source('q', queries), source('k', keys), source('v', keys)];
    const mixed = attend(query, [{ key, value }], chunk === undefined ? {} : { chunk });
    const weight = builder.input('weight', { shape: mixed.shape, dtype: 'f32' });
    const loss = f.sumAll(f.mul(mixed, weight));
    const [dq, dk, dv] = grad(loss, [query, key, value]);
    return { outputs: { loss }, writes: { ...(dq && dk && dv && { dq, dk, dv }) } };
  });
}

const modelNets: Readonly<Record<string, ModelNet>> = MODEL_NETS;

export const MEMORY_NETS: Readonly<Record<string, (options: MemoryNetOptions) => Graph>> = {
  lab: options => traceLabNet(options).graph,
  ...Object.fromEntries(
    Object.entries(modelNets).map(([name, net]) => [
      name,
      (options: MemoryNetOptions) => traceModelNet(net, options).graph,
    ]),
  ),
  mlp: traceMlp,
  /** The size of the product's attention: 4096 image tokens, 4742 keys, 12 heads. */
  attention: options => traceAttention(4096, 4742, 12, options),
  'attention-2048': options => traceAttention(2048, 2400, 8, options),
  'attention-1024': options => traceAttention(1024, 1200, 4, options),
};

/** @throws Error with the known names. */
export function traceMemoryNet(name: string, options: MemoryNetOptions): Graph {
  const build = MEMORY_NETS[name];
  if (build === undefined) {
    throw new Error(`no network "${name}": expected one of ${Object.keys(MEMORY_NETS).join(', ')}`);
  }
  return build(options);
}
