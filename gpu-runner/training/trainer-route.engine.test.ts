import { describe, expect, it } from 'vitest';
import type { KeyedConfig } from '../../configs/schema.ts';
import { runsTier } from '../../test/tiers.ts';
import type { Engine, Tensors } from '../compiler/engine.ts';
import { graphInputs, graphReads } from '../compiler/graph.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { createOpenVinoEngine, probeOpenVino } from '../engines/openvino/engine.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import { createTensorflowEngine } from '../engines/tensorflow/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import { wrapRuns } from '../engines/testing/wrap-runs.ts';
import { ROUTE_INPUT } from '../model/batch.ts';
import { traceGradGraph } from './grad-graph.ts';
import type { TrainingTensors } from './load-state.ts';
import { createMemorySource } from './source.ts';
import { roughStart } from './testing/rough-start.ts';
import { type Arrays, fillArrays, slopesOf } from './testing/slopes.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';
import { EMPTY_PROGRESS, type StepReport, Trainer } from './trainer.ts';

/** Equal programs are compiled once for all trainings. */
const engine = compileOnce(createOnnxRuntimeEngine({ threads: 1 }));

/** Half of 16 tokens skip block 1 of 3, in the first 4 of 8 updates. */
function routedConfig(arch = 'joint', tread: object = {}): KeyedConfig {
  return tinyConfig({
    model: { arch, depth: 3 },
    objective: { tread: { first_block: 1, last_block: 1, until: 0.5, ...tread } },
    optimizer: { total_samples: 32 },
  });
}

interface TrainOptions {
  readonly engine?: Engine;
  readonly microBatch?: number;
  readonly items?: ReturnType<typeof tinyItems>;
  readonly remat?: boolean;
  readonly from?: Pick<Awaited<ReturnType<typeof train>>, 'progress' | 'tensors'>;
  readonly start?: TrainingTensors;
}

async function train(config: KeyedConfig, steps: number, options: TrainOptions = {}) {
  const { from, start, microBatch = 4, items = tinyItems(), remat = false } = options;
  const source = createMemorySource(items);
  const progress = from?.progress ?? EMPTY_PROGRESS;
  const tensors = from?.tensors ?? start;
  const trainer = new Trainer(options.engine ?? engine, config, source, microBatch, progress, tensors, { remat });
  const reports: StepReport[] = [];
  for (let i = 0; i < steps; i++) reports.push(await trainer.step());
  const end = { reports, tensors: await trainer.tensors(), progress: trainer.progress };
  await trainer.dispose();
  return end;
}

const hexOf = (tensors: Tensors) =>
  Object.entries(tensors).map(([name, { data }]) => [
    name,
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
  ]);
const bytesOf = ({ model, optimizer, ema }: TrainingTensors) => [model, optimizer, ema].map(hexOf);

const lossesOf = ({ reports }: { readonly reports: readonly StepReport[] }) => reports.map(({ loss }) => loss);

function expectNear(actual: readonly number[], expected: readonly number[]): void {
  for (const [i, x] of expected.entries()) expect(Math.abs((actual[i] ?? Number.NaN) / x - 1)).toBeLessThan(1e-4);
}

describe.each(['joint', 'cross'])('a training with a route of its tokens, arch %s', arch => {
  const config = routedConfig(arch);

  it('goes on from saved state to the same bits, across the end of the route', async () => {
    const whole = await train(config, 6);
    const half = await train(config, 3);
    const rest = await train(config, 3, { from: half });
    expect([...half.reports, ...rest.reports]).toEqual(whole.reports);
    expect(bytesOf(rest.tensors)).toEqual(bytesOf(whole.tensors));
  });

  it('a step in micro-batches, with gradient checkpointing, is the step in one batch up to rounding', async () => {
    const start = await roughStart(config);
    const whole = await train(config, 2, { start });
    const cut = await train(config, 2, { start, microBatch: 2, remat: true });
    expect(lossesOf(cut)).toEqual(lossesOf(whole).map(loss => expect.closeTo(loss, 3)));
  });

  it('gradients are the slope of the loss along a direction of all parameters', () => {
    const shape = { batch: 2, height: 8, width: 12, textTokens: 4, route: { first: 1, last: 1, kept: 3 } };
    const { graph } = traceGradGraph(config, shape, { accumulate: false });
    const route = { shape: [2, 3], data: Float64Array.of(0, 3, 4, 1, 2, 5) };
    const feeds: Arrays = { ...fillArrays(graphInputs(graph)), [ROUTE_INPUT]: route };
    const { analytic, numeric } = slopesOf(graph, feeds, fillArrays(graphReads(graph), 0.5));
    expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
    expect(Math.abs(analytic / numeric - 1)).toBeLessThan(1e-6);
  });
});

it.each([
  ['the reference interpreter', 'joint', async () => createReferenceEngine()],
  ['TensorFlow.js', 'cross', () => createTensorflowEngine({ threads: 1 })],
])('a training with a route agrees with %s, arch %s', { timeout: 120_000 }, async (_, arch, open) => {
  const config = routedConfig(arch);
  const options = { start: await roughStart(config), microBatch: 2 };
  const other = { ...options, engine: await open() };
  expectNear(lossesOf(await train(config, 2, options)), lossesOf(await train(config, 2, other)));
});

it('the route ends with its share of the samples, and the log says how many tokens a block has', async () => {
  const { reports } = await train(routedConfig(), 6);
  const routed = (2 * 16 + 8) / 3;
  expect(reports.map(report => report.active_tokens)).toEqual([routed, routed, routed, routed, 16, 16]);
  const plain = await train(tinyConfig({ model: { depth: 3 }, optimizer: { total_samples: 32 } }), 1);
  expect(plain.reports[0]).not.toHaveProperty('active_tokens');
});

it('each sample has a route of its own', async () => {
  const routes: number[][] = [];
  const watching = wrapRuns(engine, run => (state, inputs) => {
    const { shape: [batch = 0, kept = 0] = [], data = [] } = inputs[ROUTE_INPUT] ?? {};
    for (let i = 0; i < batch; i++) routes.push([...data].slice(i * kept, (i + 1) * kept));
    return run(state, inputs);
  });
  await train(routedConfig(), 5, { engine: watching, microBatch: 2 });
  expect(routes).toHaveLength(16);
  expect(new Set(routes.map(String)).size).toBe(16);
});

it('pictures of several sizes have routes of their sizes, and each program is compiled once', async () => {
  const compiled: string[] = [];
  const counting: Engine = {
    ...engine,
    compile(graph) {
      const { x0, [ROUTE_INPUT]: route } = Object.fromEntries(graphInputs(graph));
      if (x0) compiled.push(`${x0.shape.slice(2).join('x')} ${route?.shape[1] ?? 'dense'}`);
      return engine.compile(graph);
    },
  };
  const items = [...tinyItems(6), ...tinyItems(6, 8, 16).map(item => ({ ...item, id: `wide${item.id}` }))];
  const config = { ...routedConfig(), data: { batch_size: 4, bucket_group: 2 } };
  const trainer = new Trainer(counting, config, createMemorySource(items), 2, EMPTY_PROGRESS);
  await trainer.compile();
  // Each size twice: the first micro-batch of an update, and the later ones.
  const programs = ['16x16 8', '16x16 dense', '8x16 4', '8x16 dense'];
  expect(compiled.toSorted()).toEqual([...programs, ...programs].toSorted());
  for (let i = 0; i < 8; i++) expect(await trainer.step()).toMatchObject({ skipped: false });
  expect(compiled).toHaveLength(8);
  await trainer.dispose();
});

describe.skipIf(!runsTier('openvino', probeOpenVino().reason))('on OpenVINO', () => {
  it('a training with a route agrees with ONNX Runtime', { timeout: 120_000 }, async () => {
    const config = routedConfig('joint', { until: 1 });
    const openvino = createOpenVinoEngine({ threads: 1 });
    const start = await roughStart(config);
    expectNear(
      lossesOf(await train(config, 2, { start, engine: openvino })),
      lossesOf(await train(config, 2, { start })),
    );
    await openvino.dispose();
  });
});
