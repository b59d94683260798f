import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { SEED_CONDITIONS } from '../../configs/seed-conditions.ts';
import { SIGNAL_NAMES } from '../../configs/signals.ts';
import { graphInputs } from '../compiler/graph.ts';
import { sizeOf } from '../compiler/tensor.ts';
import { FeedBuilder } from './feeds.ts';
import { traceGradGraph } from './grad-graph.ts';
import { createRandomSource } from './random-source.ts';
import type { TrainingItem } from './source.ts';
import { tinyConfig } from './testing/tiny.ts';

/** Digests of the pixels and of every signal. Comparing the numbers would take seconds. */
function digestsOf(item: TrainingItem = expect.fail()): string[] {
  const arrays = [item.pixels, ...Object.values(item.signals).map(({ data }) => data)];
  return arrays.map(array => createHash('sha256').update(array).digest('hex'));
}

const SIZE = { height: 32, width: 48 };
const config = tinyConfig({ model: { patch_size: 16, conditions: SEED_CONDITIONS } });

it('random pictures have every signal of the model in its stored shape, and depend on their position alone', async () => {
  const source = createRandomSource(config, { count: 3, size: SIZE });
  const [last, first] = await source.load([2, 0]);
  const [again] = await createRandomSource(config, { count: 9, size: SIZE }).load([2]);
  expect(digestsOf(again)).toEqual(digestsOf(last));
  expect(digestsOf(first).filter(digest => digestsOf(last).includes(digest))).toEqual([]);
  expect(new Set(last?.pixels).size).toBe(256);
  expect(Object.keys(last?.signals ?? {})).toEqual(SIGNAL_NAMES);
  const { text, cls, patches, pose } = last?.signals ?? {};
  expect([text?.rows, text?.data.length, text?.data instanceof Uint16Array]).toEqual([512, 512 * 1024, true]);
  expect([cls?.rows, cls?.data instanceof Float32Array]).toEqual([1024, true]);
  expect([patches?.rows, patches?.data.length]).toEqual([2, 2 * 3 * 1024]);
  const confidences = [...(pose?.data ?? [])].filter((_, i) => i % 3 === 2);
  expect(confidences.every(c => c > 0 && c < 1)).toBe(true);
  await expect(source.load([3])).rejects.toThrow('there is no item 3 of 3');
});

it('random pictures fill every input of the gradient graph', async () => {
  const source = createRandomSource(config, { count: 2, size: SIZE, textTokens: 24 });
  const shape = { batch: 2, ...SIZE, textTokens: source.index.longest.text ?? 0 };
  const { graph } = traceGradGraph(config, shape, { accumulate: false });
  const feeds = new FeedBuilder(config).build(await source.load([0, 1]), 0, shape);
  for (const [name, { shape: axes }] of graphInputs(graph)) {
    expect(feeds[name]?.data.length, name).toBe(sizeOf(axes));
    expect(feeds[name]?.data.every(Number.isFinite), name).toBe(true);
  }
});
