import { expect, it } from 'vitest';
import { loadPreset } from '../../configs/presets.ts';
import { type KeyedConfig, keyedConfigSchema } from '../../configs/schema.ts';
import { SEED_CONDITIONS } from '../../configs/seed-conditions.ts';
import type { Conditions } from '../../configs/signals.ts';
import { graphInputs } from '../compiler/graph.ts';
import { lowerToOnnx } from '../compiler/targets/onnx/lower.ts';
import { sizeOf } from '../compiler/tensor.ts';
import { tracePredictGraph } from '../sampling/predict-graph.ts';
import { traceGradGraph } from './grad-graph.ts';
import { optimizerState, traceUpdateGraph } from './update-graph.ts';

/** Preset, millions of parameters, image tokens of a picture. */
const SIZES = [
  ['small-a', 62, 256],
  ['small-b', 127, 256],
  ['prod-0', 183, 256],
  ['prod-0L', 353, 256],
  ['prod-1', 183, 1024],
  ['prod-2', 344, 1024],
  ['seed-384', 47, 4096],
  ['seed-768', 272, 4096],
] as const;

/** The config of a new experiment: the loss `repa` knows the features that it reads. */
function complete(
  { objective, ...sections }: Omit<KeyedConfig, 'model'>,
  model: KeyedConfig['model'] & { readonly conditions: Conditions },
): KeyedConfig {
  const { losses } = objective;
  const { norm: _, ...column } = { norm: undefined, ...model.conditions.patches };
  const withColumn = losses?.repa && { ...losses, repa: { ...losses.repa, column } };
  return keyedConfigSchema.parse({ ...sections, objective: { ...objective, losses: withColumn ?? losses }, model });
}

it.each(SIZES)('the preset %s with the conditions of the seed makes whole graphs', async (name, millions, tokens) => {
  const { run: _, model, ...sections } = await loadPreset(name);
  const config = complete(sections, { ...model, conditions: SEED_CONDITIONS });
  const { width = 0, height = 0 } = config.data.image_size ?? {};
  expect((width * height) / model.patch_size ** 2).toBe(tokens);
  const shape = { batch: 1, height, width, textTokens: 512 };

  // Tracing verifies the graphs.
  const { graph, params } = traceGradGraph(config, shape, { accumulate: true });
  expect(params.reduce((sum, spec) => sum + sizeOf(spec.shape), 0) / 1e6).toBeCloseTo(millions, -0.5);
  const inputs = graphInputs(graph);
  expect(inputs.get('x0')?.shape).toEqual([1, 3, height, width]);
  expect(inputs.get('text')?.shape).toEqual([1, 512, 1024]);
  expect(inputs.get('cls')?.shape).toEqual([1, 1024]);
  expect(inputs.get('patches')?.shape).toEqual([1, height / 16, width / 16, 1024]);
  expect(inputs.get('pose')?.shape).toEqual([1, 133, 3]);
  const update = traceUpdateGraph(params, config.optimizer);
  const moments = [...optimizerState(params, config.optimizer).keys()];
  expect(Object.keys(update.writes)).toEqual(expect.arrayContaining(moments));

  const predict = tracePredictGraph(config.model, shape);
  const { nodes, outputs } = predict;
  expect(nodes[outputs.prediction ?? -1]?.shape).toEqual([1, 3, height, width]);
  expect(lowerToOnnx(predict, { fusedMatMul: true }).bytes.length).toBeGreaterThan(0);
});

/** Signals of the built-in encoders, and joints. */
const BUILT_IN: Conditions = {
  text: { encoder: 'words', dim: 192, tokens: 64 },
  cls: { encoder: 'dct', dim: 64, norm: 'none' },
  patches: { encoder: 'dct', dim: 27, stride: 4, norm: 'none' },
  pose: { joints: 133, threshold: 0.05 },
};

it.each(['best', 'seed', 'seed-literal'])('the recipe %s makes whole graphs at a tiny size', async recipe => {
  const { run: _, model, ...sections } = await loadPreset({ recipe, size: 'tiny-a' });
  const config = complete(sections, { ...model, conditions: BUILT_IN });
  const { graph, params } = traceGradGraph(
    config,
    { batch: 2, height: 32, width: 32, textTokens: 8 },
    { accumulate: true },
  );
  expect(graphInputs(graph).get('x0')?.shape).toEqual([2, 3, 32, 32]);
  expect(Object.keys(traceUpdateGraph(params, config.optimizer).writes)).not.toEqual([]);
});
