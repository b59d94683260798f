import { describe, expect, it } from 'vitest';
import { averageRateAt } from '../../configs/averages.ts';
import { type OptimizerConfig, optimizerSchema } from '../../configs/optimizer.ts';
import { emptyTensor, type Tensor } from '../compiler/tensor.ts';
import { trace } from '../compiler/trace.ts';
import {
  differenceFrom,
  GOLDEN_ENGINES,
  GOLDEN_TOLERANCE,
  golden,
  readGoldens,
  runGraph,
  turn,
} from '../engines/testing/goldens.ts';
import { emaPrefix, PARAM_PREFIX, type ParamSpec } from '../model/params.ts';
import { GRAD_PREFIX } from './grad-graph.ts';
import { newtonSchulz } from './muon.ts';
import { adamwScalars } from './schedule.ts';
import { optimizerState, traceUpdateGraph, updateFeeds } from './update-graph.ts';

const GAMMA = 6.94;
const LEARNING_RATE = 0.02;
/** The options of the script, and a clipping that never acts. */
const COMMON = { learning_rate: LEARNING_RATE, weight_decay: 0.1, clip_norm: 1e9, ema_gammas: [GAMMA] };
const ADAMW = { beta1: 0.9, beta2: 0.99, eps: 1e-8 };

const RUNS: readonly (readonly [string, OptimizerConfig])[] = [
  ['adamw', optimizerSchema.parse({ ...COMMON, type: 'adamw', adamw: ADAMW })],
  ['muon_rms', optimizerSchema.parse({ ...COMMON, muon: { momentum: 0.95, adjust_lr_fn: 'match_rms_adamw' } })],
  ['muon_original', optimizerSchema.parse({ ...COMMON, muon: { momentum: 0.95, adjust_lr_fn: 'original' } })],
];

describe.each(GOLDEN_ENGINES)('optimizers on %s', (_, open) => {
  it.each(RUNS)('three steps of %s and their average agree with PyTorch', async (run, config) => {
    const goldens = readGoldens('optimizers', run);
    const group = config.type === 'muon' ? 'matrix' : 'other';
    const read = (name: string) => (config.type === 'muon' ? turn(golden(goldens, name)) : golden(goldens, name));
    const specs = [0, 1].map((i): ParamSpec => {
      return { name: String(i), shape: read(`start.${i}`).shape, std: 1, mean: 0, group };
    });
    let state: Record<string, Tensor> = {};
    for (const [name, shape] of optimizerState(specs, config)) state[name] = emptyTensor({ shape, dtype: 'f32' });
    for (const { name, shape } of specs) {
      state[`${PARAM_PREFIX}${name}`] = read(`start.${name}`);
      state[`${emaPrefix(0)}${name}`] = emptyTensor({ shape, dtype: 'f32' });
    }
    const graph = traceUpdateGraph(specs, config);
    for (let step = 1; step <= 3; step++) {
      for (const { name } of specs) state[`${GRAD_PREFIX}${name}`] = read(`grad.${step}.${name}`);
      const scalars = {
        learning_rate: LEARNING_RATE,
        ...(config.type === 'adamw' && adamwScalars(step, LEARNING_RATE, config)),
        norm_limit: 1e15,
        ema_rate_0: averageRateAt(step, { gamma: GAMMA }),
      };
      const feeds = updateFeeds(scalars);
      ({ state } = await runGraph(open, graph, feeds, state));
      for (const { name } of specs) {
        const [weight, average] = [state[`${PARAM_PREFIX}${name}`], state[`${emaPrefix(0)}${name}`]];
        expect(differenceFrom(weight, read(`weight.${step}.${name}`))).toBeLessThan(GOLDEN_TOLERANCE);
        expect(differenceFrom(average, read(`ema.${step}.${name}`))).toBeLessThan(GOLDEN_TOLERANCE);
      }
    }
  });

  it.each(['wide', 'tall'])("Muon's orthogonalization of a %s matrix agrees with PyTorch's formula", async name => {
    const goldens = readGoldens('optimizers', 'newton_schulz');
    const { shape, dtype, data } = golden(goldens, name);
    const graph = trace(builder => ({
      outputs: { y: newtonSchulz(builder.input('x', { shape: [1, ...shape], dtype }), 5) },
    }));
    const { outputs } = await runGraph(open, graph, { x: { shape: [1, ...shape], dtype, data } });
    const expected = golden(goldens, `${name}.y`);
    expect(differenceFrom(outputs.y, { ...expected, shape: [1, ...shape] })).toBeLessThan(GOLDEN_TOLERANCE);
  });
});
