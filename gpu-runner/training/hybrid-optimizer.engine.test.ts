import { describe, expect, it } from 'vitest';
import { optimizerSchema } from '../../configs/optimizer.ts';
import { emptyTensor, type Tensor } from '../compiler/tensor.ts';
import {
  differenceFrom,
  GOLDEN_ENGINES,
  GOLDEN_TOLERANCE,
  golden,
  readGoldens,
  runGraph,
  turn,
} from '../engines/testing/goldens.ts';
import { PARAM_PREFIX, type ParamSpec } from '../model/params.ts';
import { GRAD_PREFIX } from './grad-graph.ts';
import { adamwScalars } from './schedule.ts';
import { optimizerState, traceUpdateGraph, updateFeeds } from './update-graph.ts';

const GROUPS: Readonly<Record<string, ParamSpec['group']>> = {
  map: 'other',
  table: 'embedding',
  bias: 'other',
  null: 'embedding',
};

describe.each(GOLDEN_ENGINES)('the optimizer of the seed on %s', (_, open) => {
  it.each(['match_rms_adamw', 'original'] as const)(
    'Muon on all of two axes with %s, AdamW on the others, decay on all and clipping agree with PyTorch',
    async scaling => {
      const config = optimizerSchema.parse({
        learning_rate: 0.02,
        weight_decay: 0.1,
        weight_decay_on: 'all',
        clip_norm: 1,
        adamw: { learning_rate: 0.005, beta1: 0.9, beta2: 0.99 },
        muon: { groups: 'all_2d', adjust_lr_fn: scaling },
      });
      const goldens = readGoldens('hybrid-optimizer', scaling);
      const read = (entry: string, name: string) => {
        const tensor = golden(goldens, `${entry}.${name}`);
        return name === 'map' ? turn(tensor) : tensor;
      };
      const specs = Object.entries(GROUPS).map(([name, group]): ParamSpec => {
        return { name, shape: read('start', name).shape, std: 1, mean: 0, group };
      });
      let state: Record<string, Tensor> = {};
      for (const [name, shape] of optimizerState(specs, config)) state[name] = emptyTensor({ shape, dtype: 'f32' });
      for (const { name } of specs) {
        state[`${PARAM_PREFIX}${name}`] = read('start', name);
        state[`ema0.${name}`] = read('start', name);
      }
      const graph = traceUpdateGraph(specs, config);
      for (let step = 1; step <= 3; step++) {
        for (const { name } of specs) state[`${GRAD_PREFIX}${name}`] = read(`grad.${step}`, name);
        const scalars = { learning_rate: 0.02, ...adamwScalars(step, 0.02, config), norm_limit: 1e15, ema_rate_0: 1 };
        const feeds = updateFeeds(scalars);
        const run = await runGraph(open, graph, feeds, state);
        ({ state } = run);
        const norm = golden(goldens, `norm.${step}`).data[0];
        expect(run.outputs.grad_norm?.data[0]).toBeCloseTo(norm ?? Number.NaN, 5);
        for (const { name } of specs) {
          const weight = state[`${PARAM_PREFIX}${name}`];
          expect(differenceFrom(weight, read(`weight.${step}`, name)), name).toBeLessThan(GOLDEN_TOLERANCE);
        }
      }
    },
  );
});
