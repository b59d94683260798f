import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../numerics/random-stream.ts';
import { runsTier } from '../../test/tiers.ts';
import type { Engine, State, Tensors } from '../compiler/engine.ts';
import { type Graph, graphInputs, graphReads } from '../compiler/graph.ts';
import { optimize } from '../compiler/passes/optimize.ts';
import { emptyTensor, type Tensor, type TensorSpec } from '../compiler/tensor.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { createOpenVinoEngine, probeOpenVino } from '../engines/openvino/engine.ts';
import { hasBf16Units } from '../engines/openvino/library.ts';
import { createTensorflowEngine } from '../engines/tensorflow/engine.ts';
import { PARAM_PREFIX } from '../model/params.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import { STEP_INPUTS, tracePredictGraph, traceSamplerGraphs } from './predict-graph.ts';
import { type Conditioning, Predictor } from './predictor.ts';

const SHAPE = { batch: 2, height: 8, width: 12, textTokens: 4 };

function fill(specs: ReadonlyMap<string, TensorSpec>, seed: number, scale = 1): Record<string, Tensor> {
  return Object.fromEntries(
    [...specs].map(([name, spec], index) => {
      const random = new RandomStream(seed, 'sample', index);
      const tensor = emptyTensor(spec);
      const isShare = name.startsWith('keep_') || name.endsWith('_mask') || name === 't';
      for (let i = 0; i < tensor.data.length; i++) {
        tensor.data[i] = isShare ? Math.min(1, 0.4 + random.uniform()) : scale * random.normal();
      }
      return [name, tensor];
    }),
  );
}

const stepFeeds = (graph: Graph, seed: number) =>
  fill(new Map([...graphInputs(graph)].filter(([name]) => STEP_INPUTS.has(name))), seed);
const conditioning = (seed: number): Conditioning => ({ feeds: inputs => fill(inputs, seed) });

/** Predictions of the whole program and of the split one, for two sets of conditions in turn. */
async function predictBoth(engine: Engine, arch: string) {
  const { model } = tinyConfig({ model: { arch, depth: 2 } });
  const graph = tracePredictGraph(model, SHAPE, engine.tuning);
  const weights = fill(graphReads(graph), 1, 0.3);
  const named = Object.entries(weights).map(([name, tensor]) => [name.slice(PARAM_PREFIX.length), tensor] as const);
  const executable = await engine.compile(optimize(graph, engine));
  const state = engine.createState(weights);
  const predictor = new Predictor(engine, model, Object.fromEntries(named));
  const given = [conditioning(5), conditioning(6)] as const;
  const fixed = traceSamplerGraphs(model, SHAPE, engine.tuning).context?.graph ?? expect.fail();
  const pairs: { readonly whole: Tensor['data']; readonly split: Float32Array }[] = [];
  for (const [step, which] of [0, 1, 0, 1, 1, 0].entries()) {
    const conditions = given[which] ?? expect.fail();
    const inputs = stepFeeds(graph, 10 + step);
    const { prediction } = await executable.run(state, { ...conditions.feeds(graphInputs(fixed)), ...inputs });
    pairs.push({ whole: prediction?.data ?? expect.fail(), split: await predictor.predict(SHAPE, conditions, inputs) });
  }
  predictor.release();
  await predictor.dispose();
  await executable.dispose();
  state.dispose();
  return pairs;
}

describe.each(['joint', 'cross'])('a network whose context is computed once, arch %s', arch => {
  it('predicts the bits of the whole program on ONNX Runtime', async () => {
    for (const { whole, split } of await predictBoth(createOnnxRuntimeEngine({ threads: 1 }), arch)) {
      expect(split).toEqual(whole);
    }
  });

  it('predicts the bits of the whole program on TensorFlow.js', async () => {
    for (const { whole, split } of await predictBoth(await createTensorflowEngine({ threads: 1 }), arch)) {
      expect(split).toEqual(whole);
    }
  });
});

describe.skipIf(!runsTier('openvino', probeOpenVino().reason))('on OpenVINO', () => {
  it.each(hasBf16Units() ? (['f32', 'bf16'] as const) : (['f32'] as const))(
    'a context that is computed once changes a prediction in %s by rounding alone',
    async precision => {
      const tolerance = precision === 'f32' ? 1e-5 : 2e-2;
      for (const { whole, split } of await predictBoth(createOpenVinoEngine({ threads: 1, precision }), 'cross')) {
        const largest = Math.max(...whole.map(Math.abs));
        const error = Math.max(...split.map((x, i) => Math.abs(x - (whole[i] ?? Number.NaN))));
        expect(error / largest).toBeLessThan(tolerance);
      }
    },
  );
});

it('runs the program of the context once for each set of conditions, and frees its state', async () => {
  const inner = createOnnxRuntimeEngine({ threads: 1 });
  const states: State[] = [];
  let contexts = 0;
  const engine: Engine = {
    ...inner,
    createState(tensors: Tensors) {
      const state = inner.createState(tensors);
      states.push(state);
      return state;
    },
    async compile(graph) {
      const executable = await inner.compile(graph);
      const isContext = !graphInputs(graph).has('z');
      return {
        peakBytes: 0,
        dispose: () => executable.dispose(),
        run(state, inputs) {
          contexts += Number(isContext);
          return executable.run(state, inputs);
        },
      };
    },
  };
  const { model } = tinyConfig({ model: { depth: 1 } });
  const graph = tracePredictGraph(model, SHAPE);
  const weights = Object.entries(fill(graphReads(graph), 1, 0.3));
  const named = weights.map(([name, tensor]) => [name.slice(PARAM_PREFIX.length), tensor] as const);
  const predictor = new Predictor(engine, model, Object.fromEntries(named));
  const [state = expect.fail()] = states;
  const before = state.names.length;
  const given = [conditioning(5), conditioning(6)];
  for (const which of [0, 1, 0, 1]) {
    await predictor.predict(SHAPE, given[which] ?? expect.fail(), stepFeeds(graph, 3));
  }
  expect(contexts).toBe(2);
  expect(state.names.length).toBeGreaterThan(before);
  predictor.release();
  expect(state.names).toHaveLength(before);
  await predictor.predict(SHAPE, given[0] ?? expect.fail(), stepFeeds(graph, 3));
  expect(contexts).toBe(3);
  await predictor.dispose();
});

it('a context that would take too much memory is computed in every step', () => {
  const { model } = tinyConfig({ model: { depth: 1 } });
  const { context } = traceSamplerGraphs(model, SHAPE);
  expect(context?.bytes).toBeGreaterThan(1000);
  const whole = traceSamplerGraphs(model, SHAPE, {}, (context?.bytes ?? 0) - 1);
  expect(whole).toEqual({ step: tracePredictGraph(model, SHAPE) });
});
