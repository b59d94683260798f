/** @file The error of the predicted picture by t, on pictures that were not trained on, with their captions. */
import { type KeyedConfig, keyedConfigSchema } from '../../configs/schema.ts';
import type { Engine, Tensors } from '../../gpu-runner/compiler/engine.ts';
import { graphInputs } from '../../gpu-runner/compiler/graph.ts';
import { optimize } from '../../gpu-runner/compiler/passes/optimize.ts';
import type { Tensor } from '../../gpu-runner/compiler/tensor.ts';
import { paramState } from '../../gpu-runner/model/params.ts';
import { tracePredictGraph } from '../../gpu-runner/sampling/predict-graph.ts';
import { FeedBuilder } from '../../gpu-runner/training/feeds.ts';
import type { TrainingItem } from '../../gpu-runner/training/source.ts';

/** 0 is data, 1 is noise. */
export const TIMES = [0.05, 0.3, 0.6, 0.9] as const;
const BATCH = 64;
/** Of the noise: one for all arms, and not that of a training. */
const SEED = 1_000_003;

/** Mean squared error of pixels in [-1, 1] for each of {@link TIMES}. Each picture has one noise at all times. */
export async function measurePixelErrors(
  engine: Engine,
  config: KeyedConfig,
  weights: Tensors,
  items: readonly TrainingItem[],
): Promise<number[]> {
  const { height, width } = items[0] ?? { height: 0, width: 0 };
  const longest = Math.max(...items.map(({ signals }) => signals.text?.rows ?? 1));
  const shape = { batch: BATCH, height, width, textTokens: Math.ceil(longest / 8) * 8 };
  const graph = tracePredictGraph(config.model, shape, engine.tuning);
  const inputs = graphInputs(graph);
  const executable = await engine.compile(optimize(graph, engine));
  const state = engine.createState(paramState(weights));
  const builder = new FeedBuilder(withTextOnly(config));
  const sums = TIMES.map(() => 0);
  for (let first = 0; first + BATCH <= items.length; first += BATCH) {
    const feeds = builder.build(items.slice(first, first + BATCH), first, shape, { times: new Float32Array(BATCH) });
    const { x0, noise } = feeds;
    if (x0 === undefined || noise === undefined) throw new TypeError('feeds have pictures and noise');
    for (const [index, t] of TIMES.entries()) {
      const scale = t * config.objective.noise_scale;
      const z = Float32Array.from(x0.data, (x, k) => (1 - t) * x + scale * noise.data[k]!);
      const given: Record<string, Tensor> = {
        ...Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name))),
        z: { shape: x0.shape, dtype: 'f32', data: z },
        t: { shape: [BATCH], dtype: 'f32', data: new Float32Array(BATCH).fill(t) },
      };
      const { prediction } = await executable.run(state, given);
      if (prediction === undefined) throw new TypeError('the model predicts');
      sums[index] = (sums[index] ?? 0) + meanSquareBetween(prediction.data, x0.data);
    }
  }
  await executable.dispose();
  state.dispose();
  return sums.map(sum => sum / Math.floor(items.length / BATCH));
}

function withTextOnly(config: KeyedConfig): KeyedConfig {
  const cfg_dropout = Object.fromEntries(
    Object.keys(config.objective.cfg_dropout).map(key => [key, key === 'p_text_only' ? 1 : 0]),
  );
  return keyedConfigSchema.parse({ ...config, seed: SEED, objective: { ...config.objective, cfg_dropout } });
}

function meanSquareBetween(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k]! - b[k]!) ** 2;
  return sum / a.length;
}
