import { describe, expect, it } from 'vitest';
import { keyedConfigSchema } from '../../configs/schema.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import { paramState } from '../model/params.ts';
import { FeedBuilder } from './feeds.ts';
import { FlowLossGrid, GRID_TIMES } from './flow-loss-grid.ts';
import { traceGradGraph } from './grad-graph.ts';
import { roughStart } from './testing/rough-start.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';

const { model: weights } = await roughStart(tinyConfig());
const engine = compileOnce(createOnnxRuntimeEngine({ threads: 1 }));
const config = tinyConfig();
const items = tinyItems(2);
const TOKENS = 8;

async function measure(batch: number, of = items): Promise<readonly number[]> {
  const grid = new FlowLossGrid(engine, config, batch);
  grid.load(weights);
  const { loss, by_time, pictures } = await grid.measure(of, TOKENS);
  await grid.dispose();
  expect([pictures, by_time.length]).toEqual([of.length, GRID_TIMES.length]);
  expect(loss).toBeCloseTo(by_time.reduce((a, b) => a + b, 0) / by_time.length, 6);
  return by_time;
}

describe('FlowLossGrid', () => {
  it('equals the loss of the training on the same noise, t and signals, on the reference engine', async () => {
    const shape = { batch: 1, height: 16, width: 16, textTokens: TOKENS };
    const reference = createReferenceEngine();
    const executable = await reference.compile(traceGradGraph(config, shape, { accumulate: false }).graph);
    const state = reference.createState(paramState(weights));
    const builder = new FeedBuilder(keyedConfigSchema.parse({ ...config, seed: 20_260_101 }));
    const expected = GRID_TIMES.map(() => 0);
    for (const [picture, item] of items.entries()) {
      for (const [place, t] of GRID_TIMES.entries()) {
        const feeds = builder.build([item], picture * GRID_TIMES.length + place, shape, { times: [t] });
        const { loss } = await executable.run(state, feeds);
        expected[place] = (expected[place] ?? 0) + (loss?.data[0] ?? Number.NaN) / items.length;
      }
    }
    for (const [place, loss] of (await measure(8)).entries()) expect(loss / (expected[place] ?? 0)).toBeCloseTo(1, 4);
  });

  it('depends neither on the number of samples at once nor on the other pictures', async () => {
    const [whole, halves] = [await measure(8), await measure(4)];
    for (const [place, loss] of whole.entries()) expect(halves[place]).toBeCloseTo(loss, 5);
    const one = await measure(8, items.slice(0, 1));
    expect(await measure(8, [...items.slice(0, 1), ...items.slice(0, 1)])).not.toEqual(one);
    expect(whole).not.toEqual(one);
    expect(await measure(8, items.slice(0, 1))).toEqual(one);
  });

  it('averages over several noises, of which the first is that of one', async () => {
    const grid = new FlowLossGrid(engine, config, 8);
    grid.load(weights);
    const [one, four] = [await grid.measure(items, TOKENS), await grid.measure(items, TOKENS, { noises: 4 })];
    await grid.dispose();
    const builder = new FeedBuilder(keyedConfigSchema.parse({ ...config, seed: 20_260_101 }));
    const shape = { batch: 1, height: 16, width: 16, textTokens: TOKENS };
    const reference = createReferenceEngine();
    const executable = await reference.compile(traceGradGraph(config, shape, { accumulate: false }).graph);
    const state = reference.createState(paramState(weights));
    let others = 0;
    for (const noise of [1, 2, 3]) {
      for (const [picture, item] of items.entries()) {
        const feeds = builder.build([item], (noise * 4096 + picture) * 8, shape, { times: [GRID_TIMES[0] ?? 0] });
        others += ((await executable.run(state, feeds)).loss?.data[0] ?? Number.NaN) / items.length;
      }
    }
    expect(four.by_time[0]).not.toBe(one.by_time[0]);
    expect((four.by_time[0] ?? 0) / (((one.by_time[0] ?? 0) + others) / 4)).toBeCloseTo(1, 4);
    expect(four.pictures).toBe(2);
  });

  it('tells the norm of the velocity: (z - x) / t of a net that predicts 0', async () => {
    const untrained = Object.fromEntries(
      Object.entries(weights).map(([name, { shape, dtype, data }]) => [
        name,
        { shape, dtype, data: data.map(() => 0) },
      ]),
    );
    const grid = new FlowLossGrid(engine, config, 8);
    grid.load(untrained);
    const { velocity_norm } = await grid.measure(items, TOKENS);
    await grid.dispose();
    const builder = new FeedBuilder(keyedConfigSchema.parse({ ...config, seed: 20_260_101 }));
    const shape = { batch: 1, height: 16, width: 16, textTokens: TOKENS };
    let expected = 0;
    for (const [i, item] of items.entries()) {
      for (const [place, t] of GRID_TIMES.entries()) {
        const { x0, noise } = builder.build([item], i * GRID_TIMES.length + place, shape, { times: [t] });
        const squares = Array.from(x0?.data ?? [], (x, k) => (((1 - t) * x + t * (noise?.data[k] ?? 0)) / t) ** 2);
        expected += Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length);
      }
    }
    expect(velocity_norm / (expected / (items.length * GRID_TIMES.length))).toBeCloseTo(1, 5);
  });

  it('measures pictures of several sizes', async () => {
    const [large] = tinyItems(1, 16, 24);
    if (large === undefined) throw new Error('there is no item');
    expect((await measure(8, [...items, large])).every(Number.isFinite)).toBe(true);
  });

  it('does not depend on the seed or the schedule of the training', async () => {
    const other = { ...config, seed: 8, optimizer: { ...config.optimizer, total_samples: 1000 } };
    const grid = new FlowLossGrid(engine, other, 8);
    grid.load(weights);
    const { by_time } = await grid.measure(items, TOKENS);
    await grid.dispose();
    expect(by_time).toEqual(await measure(8));
  });
});
