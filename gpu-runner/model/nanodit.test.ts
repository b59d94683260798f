import { describe, expect, it } from 'vitest';
import { graphInputs } from '../compiler/graph.ts';
import { emptyTensor, type Tensor } from '../compiler/tensor.ts';
import { trace } from '../compiler/trace.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { tracePredictGraph } from '../sampling/predict-graph.ts';
import { declareConditions } from '../training/grad-graph.ts';
import { RandomStream } from '../training/random.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import { applyNanoDit } from './nanodit.ts';
import { initializeParams, PARAM_PREFIX, Params } from './params.ts';

const engine = createOnnxRuntimeEngine({ threads: 1 });
const config = tinyConfig();
const shape = { batch: 2, height: 16, width: 16, textTokens: 8 };

/** Every parameter random, so that nothing is hidden behind a gate that starts at 0. */
function randomWeights() {
  let specs: Params['specs'] = [];
  trace(builder => {
    const params = new Params(builder);
    const z = builder.input('z', { shape: [2, 3, 16, 16], dtype: 'f32' });
    const t = builder.input('t', { shape: [2], dtype: 'f32' });
    const prediction = applyNanoDit(params, config.model, {
      z,
      t,
      conditions: declareConditions(builder, config.model, shape),
    });
    specs = params.specs;
    return { outputs: { prediction } };
  });
  const loose = specs.map(spec => ({ ...spec, std: spec.std || 0.2 }));
  const tensors = initializeParams(loose, (index, target) => new RandomStream(5, 'init', index).fillNormal(target));
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${PARAM_PREFIX}${name}`, tensor]));
}

function randomFeeds(): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  const graph = tracePredictGraph(config.model, shape);
  for (const [index, [name, spec]] of [...graphInputs(graph)].entries()) {
    const tensor = emptyTensor(spec);
    const random = new RandomStream(9, 'sample', index);
    for (let i = 0; i < tensor.data.length; i++)
      tensor.data[i] = name === 't' || name === 'pose' ? random.uniform() : random.normal();
    if (name.startsWith('keep_')) tensor.data.fill(1);
    if (name === 'text_mask') tensor.data.set([1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0]);
    feeds[name] = tensor;
  }
  return feeds;
}

const state = engine.createState(randomWeights());
const executable = await engine.compile(tracePredictGraph(config.model, shape));

async function predict(feeds: Record<string, Tensor>): Promise<Float32Array> {
  const { prediction } = await executable.run(state, feeds);
  return Float32Array.from(prediction?.data ?? []);
}

function withFeed(
  feeds: Record<string, Tensor>,
  name: string,
  change: (x: number, i: number) => number,
): Record<string, Tensor> {
  const tensor = feeds[name];
  if (!tensor) throw new Error(`no feed ${name}`);
  return { ...feeds, [name]: { ...tensor, data: Float32Array.from(tensor.data, change) } };
}

describe('NanoDiT', () => {
  it.each(['text', 'cls', 'patches', 'pose'])(
    'depends on %s when it is kept, and on no bit of it when it is dropped',
    async signal => {
      const feeds = randomFeeds();
      const other = (from: Record<string, Tensor>) => {
        const changed = withFeed(from, signal, x => 3 - 2 * x);
        return signal === 'text' ? withFeed(changed, 'text_mask', (_, i) => i % 2) : changed;
      };
      expect(await predict(other(feeds))).not.toEqual(await predict(feeds));

      const dropped = withFeed(feeds, `keep_${signal}`, () => 0);
      expect(await predict(other(dropped))).toEqual(await predict(dropped));
      expect(await predict(dropped)).not.toEqual(await predict(feeds));
    },
  );

  it('does not see text tokens that are masked, nor joints below the threshold', async () => {
    const feeds = randomFeeds();
    const masked = withFeed(feeds, 'text', (x, i) => (i % 48 >= 30 ? x + 1 : x));
    expect(await predict(masked)).toEqual(await predict(feeds));
    const hidden = withFeed(feeds, 'pose', (x, i) => (i % 3 === 2 && i % 2 === 0 ? 0.01 : x));
    const moved = withFeed(hidden, 'pose', (x, i) => {
      const confidence = hidden.pose?.data[i - (i % 3) + 2] ?? 1;
      return i % 3 !== 2 && confidence === Math.fround(0.01) ? -x : x;
    });
    expect(await predict(moved)).toEqual(await predict(hidden));
  });

  it('takes a text without tokens for no text', async () => {
    const feeds = randomFeeds();
    const empty = withFeed(feeds, 'text_mask', () => 0);
    expect(await predict(empty)).toEqual(await predict(withFeed(feeds, 'keep_text', () => 0)));
  });

  it('gives each picture of a batch what it gives it alone', async () => {
    const feeds = randomFeeds();
    const both = await predict(feeds);
    const swapped = Object.fromEntries(
      Object.entries(feeds).map(([name, tensor]) => {
        const half = tensor.data.length / 2;
        return [
          name,
          { ...tensor, data: Float32Array.from([...tensor.data.slice(half), ...tensor.data.slice(0, half)]) },
        ];
      }),
    );
    const back = await predict(swapped);
    const half = both.length / 2;
    expect([...back.slice(half), ...back.slice(0, half)]).toEqual([...both].map(x => expect.closeTo(x, 4)));
  });

  it('predicts zeros at the start', async () => {
    const weights = randomWeights();
    for (const [name, tensor] of Object.entries(weights)) {
      if (name.includes('head.out') || name.includes('head.bias'))
        weights[name] = { ...tensor, data: new Float32Array(tensor.data.length) };
    }
    const { prediction } = await executable.run(engine.createState(weights), randomFeeds());
    expect(Math.max(...Array.from(prediction?.data ?? [1], Math.abs))).toBe(0);
  });
});
