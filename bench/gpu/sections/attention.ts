/**
 * @file Attention by cuDNN's kernels against its primitives, forward and backward: without a mask, with a bias, and
 * with lengths; then the time of both at the sizes of prod-1.
 */
import * as f from '../../../gpu-runner/compiler/functions.ts';
import { grad } from '../../../gpu-runner/compiler/grad.ts';
import type { Graph } from '../../../gpu-runner/compiler/graph.ts';
import { graphInputs } from '../../../gpu-runner/compiler/graph.ts';
import { mixPrecision } from '../../../gpu-runner/compiler/passes/mixed-precision.ts';
import { type Tensor, tensorOf } from '../../../gpu-runner/compiler/tensor.ts';
import { trace } from '../../../gpu-runner/compiler/trace.ts';
import { randomTensors } from '../../random-tensors.ts';
import { baseFlags, type Context, openClient, type Report, type RunSection } from '../context.ts';
import { createPlainEngine, type PlainEngine, timeQueued } from '../plain-engine.ts';
import { feedsAsState } from '../resident.ts';

const MASKS = ['none', 'bias', 'lengths'] as const;
type Mask = (typeof MASKS)[number];

interface Sizes {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly dim: number;
}

const SMALL: Sizes = { batch: 2, heads: 4, queries: 256, keys: 320, dim: 64 };
const TINY: Sizes = { batch: 2, heads: 2, queries: 32, keys: 48, dim: 16 };
/** 1,024 image tokens, 512 text tokens, 133 joints and one hidden key. */
const PROD_1: Sizes = { batch: 16, heads: 12, queries: 1024, keys: 1670, dim: 64 };

export const run: RunSection = async (context, report) => {
  const client = await openClient(context);
  const engineOf = (attention: 'cudnn' | 'primitive') =>
    createPlainEngine(client, { flags: baseFlags(context), lowering: { attention }, precision: 'bf16' });
  const engines = { cudnn: engineOf('cudnn'), primitive: engineOf('primitive') };
  // Without a GPU, the kernels do not exist: the primitives in bf16 stand in for them.
  const fused = context.platform === 'cuda' ? engines.cudnn : engines.primitive;
  for (const mask of MASKS) await compare(context, fused, engines.primitive, mask, report);
  if (!context.isSmall) {
    for (const [name, engine] of Object.entries(engines)) {
      const graph = feedsAsState(mixPrecision(traceAttention(PROD_1, 'bias'), 'bf16'));
      const state = engine.createState(feedsOf(PROD_1, 'bias', 'input.'));
      const executable = await engine.compile(graph);
      const ms = await timeQueued(executable, state, 10);
      const peak_gb = executable.peakBytes / 1e9;
      report({ attention: name, sizes: 'prod-1, batch 16', forward_and_backward_ms: ms, peak_gb });
      await executable.dispose();
      state.dispose();
    }
  }
  await client.dispose();
};

async function compare(
  { isSmall }: Context,
  fused: PlainEngine,
  primitive: PlainEngine,
  mask: Mask,
  report: Report,
): Promise<void> {
  const sizes = isSmall ? TINY : SMALL;
  const graph = traceAttention(sizes, mask);
  const feeds = feedsOf(sizes, mask);
  const expected = await runOnce(primitive, graph, feeds);
  const errors: Record<string, number | string> = {};
  try {
    const actual = await runOnce(fused, mixPrecision(graph, 'bf16'), feeds);
    for (const [name, tensor] of Object.entries(expected)) errors[name] = relativeError(tensor, actual[name]);
  } catch (error) {
    errors.failed = error instanceof Error ? error.message.slice(0, 200) : String(error);
  }
  report({ attention: fused === primitive ? 'primitive bf16' : 'cudnn bf16', mask, ...errors });
}

async function runOnce(engine: PlainEngine, graph: Graph, feeds: Readonly<Record<string, Tensor>>) {
  const executable = await engine.compile(graph);
  const state = engine.createState({});
  const outputs = await executable.run(state, feeds);
  await executable.dispose();
  return outputs;
}

/** The largest difference, relative to the largest element. */
function relativeError({ data }: Tensor, actual: Tensor | undefined): number {
  let [largest, scale] = [0, 1e-6];
  for (const [i, x] of data.entries()) {
    const difference = Math.abs(x - (actual?.data[i] ?? Number.NaN));
    largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(largest, difference);
    scale = Math.max(scale, Math.abs(x));
  }
  return largest / scale;
}

function traceAttention({ batch, heads, queries, keys, dim }: Sizes, mask: Mask): Graph {
  return trace(builder => {
    const input = (name: string, tokens: number) =>
      builder.input(name, { shape: [batch, heads, tokens, dim], dtype: 'f32' });
    const [query, key, value] = [input('query', queries), input('key', keys), input('value', keys)];
    const masks = {
      none: () => [],
      bias: () => [builder.input('bias', { shape: [batch, 1, 1, keys], dtype: 'f32' })],
      lengths: () => [builder.input('lengths', { shape: [batch], dtype: 'i32' })],
    };
    const operands = [query, key, value, ...masks[mask]()];
    const output = builder.emit('attention', operands, { scale: 1 / Math.sqrt(dim), mask });
    const weights = input('weights', queries);
    const [dq, dk, dv] = grad(f.sumAll(f.mul(output, weights)), [query, key, value]);
    if (!dq || !dk || !dv) throw new Error('three gradients were asked for');
    return { outputs: { output, query: dq, key: dk, value: dv } };
  });
}

/** Random operands; every fifth key is hidden by the bias, and the lengths differ. */
function feedsOf(sizes: Sizes, mask: Mask, prefix = ''): Record<string, Tensor> {
  const { batch, keys } = sizes;
  const inputs = graphInputs(traceAttention(sizes, mask));
  const feeds: Record<string, Tensor> = { ...randomTensors(inputs, 1) };
  const hidden = Array.from({ length: batch * keys }, (_, i) => (i % 5 === 1 ? -1e9 : 0));
  if (mask === 'bias') feeds.bias = tensorOf([batch, 1, 1, keys], hidden);
  const lengths = Int32Array.from({ length: batch }, (_, i) => keys - 7 * i);
  if (mask === 'lengths') feeds.lengths = { shape: [batch], dtype: 'i32', data: lengths };
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [`${prefix}${name}`, tensor]));
}
