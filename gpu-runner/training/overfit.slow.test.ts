import { expect, it } from 'vitest';
import { averagesOf } from '../../configs/averages.ts';
import type { KeyedConfig } from '../../configs/schema.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { FeedBuilder } from './feeds.ts';
import { traceGradGraph } from './grad-graph.ts';
import { initialTensors, loadTensors } from './load-state.ts';
import { adamwScalars } from './schedule.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';
import { LARGEST_NORM, traceUpdateGraph, updateFeeds } from './update-graph.ts';

const PICTURES = 4;
const STEPS = 100;
const LEARNING_RATE = 1e-2;

/** The loss before each of {@link STEPS} updates on the same pictures with the same noise and times. */
async function trainOnOneBatch(config: KeyedConfig): Promise<number[]> {
  const shape = { batch: PICTURES, height: 16, width: 16, textTokens: 8 };
  const engine = createOnnxRuntimeEngine({ threads: 1 });
  const { graph, params: specs, fixed } = traceGradGraph(config, shape, { accumulate: false });
  const layout = { specs, fixed, config, scalesLoss: false };
  const state = engine.createState({});
  loadTensors(state, layout, initialTensors(layout));
  const gradient = await engine.compile(optimize(graph, engine));
  const update = await engine.compile(optimize(traceUpdateGraph(specs, config.optimizer), {}));
  const feeds = new FeedBuilder(config).build(tinyItems(PICTURES), 0, shape);
  const losses: number[] = [];
  for (let step = 1; step <= STEPS; step++) {
    const { loss } = await gradient.run(state, feeds);
    losses.push(Array.from(loss?.data ?? []).reduce((sum, x) => sum + x, 0) / PICTURES);
    // The rate falls to 0: near the end no step is too large.
    const rate = LEARNING_RATE * Math.min(1, step / 20) * (1 - step / STEPS);
    const scalars = {
      learning_rate: rate,
      norm_limit: LARGEST_NORM,
      ...adamwScalars(step, rate, config.optimizer),
      ...Object.fromEntries([...averagesOf(config.optimizer).keys()].map(i => [`ema_rate_${i}`, 1])),
    };
    await update.run(state, updateFeeds(scalars));
  }
  for (const each of [gradient, update]) await each.dispose();
  state.dispose();
  await engine.dispose();
  return losses;
}

const { conditions: { pose: _, ...conditions } = {} } = tinyConfig().model;
const SIZES = { hidden_size: 48, num_heads: 4, patch_overlap: 0, bottleneck: 48, conditions };

it.each([
  ['arch joint', {}],
  ['arch cross', { arch: 'cross', adaln: 'full' }],
  [
    'arch joint with every added part',
    { registers: { count: 4 }, size_embedding: true, output_conv: true, patches: { mode: 'both' }, adaln: 'lowrank' },
  ],
  [
    'the network of the original',
    {
      ...{
        arch: 'cross',
        bottleneck: 0,
        mlp_ratio: 4,
        adaln: 'full',
        position: 'sincos',
        qk_norm: false,
        norm: 'layer',
      },
      ...{ mlp: 'gelu', adaln_gates: false, head: 'plain', output_conv: true, init: 'xavier', zero_init: false },
      ...{ context_norm: 'none', projection_bias: true, nulls: 'input', null_tokens: 'all', cls_token: 'conditioning' },
      ...{ text: { position: false }, patches: { mode: 'cross', position: false } },
    },
  ],
])('the loss of %s on one batch of random pixels falls to nearly nothing', async (_, model) => {
  const config = tinyConfig({ model: { ...SIZES, ...model }, objective: { cfg_dropout: {} } });
  const losses = await trainOnOneBatch(config);
  expect((losses.at(-1) ?? 1) / (losses[0] ?? 1)).toBeLessThan(0.01);
});
