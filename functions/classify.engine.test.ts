/** Pictures are scored by a tiny network of random weights on the reference engine. */
import { beforeAll, expect, test } from 'vitest';
import { memberName } from '../configs/signals.ts';
import { readColumn } from '../formats/webdataset.ts';
import { floats, modelOf, node } from '../gpu-runner/compiler/targets/onnx/testing/model-of.ts';
import { createReferenceEngine } from '../gpu-runner/engines/reference/engine.ts';
import { createEncodeJob } from '../gpu-runner/jobs/encode.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { createRefs } from '../storage/names/refs.ts';
import { putModel } from './operations/put-model.ts';
import { createEncodeRunner } from './testing/encode-runner.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

const ENGINE = { name: 'reference', precision: 'f32', threads: 1 } as const;
const MODEL = modelOf(
  [1, 3, 8, 8],
  [1, 2],
  [node('GlobalAveragePool', 'x', 'p'), node('Flatten', 'p', 'f'), node('MatMul', 'f w', 'y')],
  [floats('w', [3, 2], 5)],
);
const CONFIG = { labels: ['bright', 'dark'], mean: [0.5, 0.5, 0.5], deviation: [0.2, 0.2, 0.2] };

const store = createMemoryStore();
const blobs = createBlobStore(store);
const encode = createEncodeJob();
const ctx = {
  blobs,
  engine: async () => createReferenceEngine(),
  openSource: () => Promise.reject(new Error('a classifier reads no training data')),
  progress: () => {},
  breathe: async () => 'continue' as const,
};
const runner = createEncodeRunner(job => encode(ctx, job), ENGINE);
let lab: PictureLab;
let dataset: Digest;
let weights: Record<string, Digest[]>;

beforeAll(async () => {
  lab = createPictureLab({ store, runner });
  await lab.executor.callEffect('prepare', { dataset: 'p', source: 'portraits', size: 32, seed: 5, count: 3 });
  dataset = (await createRefs(store).datasets.read('p'))?.value.dataset as Digest;
  const config = await blobs.put(Buffer.from(JSON.stringify(CONFIG)));
  weights = { model: [(await blobs.put(MODEL)).digest], config: [config.digest] };
});

const call = (more: object = {}) => lab.executor.call('classify', { dataset, engine: ENGINE, weights, ...more });

async function scoresOf(digest: Digest) {
  const [page] = (await lab.dataset(digest)).pages;
  const column = readColumn(await blobs.get(page?.columns.scores as Digest));
  const items = await lab.items(digest);
  return items.map(({ id }) => JSON.parse(Buffer.from(column.get(memberName('scores', id)) ?? '').toString()));
}

test('classify adds a score of each picture for each label, or for some', async () => {
  const all = await scoresOf(outputOf(await call()));
  expect(all).toHaveLength(3);
  for (const { v, scores } of all) {
    expect([v, Object.keys(scores)]).toEqual([1, ['bright', 'dark']]);
    expect(scores.bright + scores.dark).toBeCloseTo(1, 5);
  }
  expect(new Set(all.map(({ scores }) => scores.bright)).size).toBe(3);
  const some = await scoresOf(outputOf(await call({ labels: ['dark'] })));
  expect(some.map(({ scores }) => scores)).toEqual(all.map(({ scores }) => ({ dark: scores.dark })));
});

test('prepare asks a classifier that the store has under a name', async () => {
  const body = { dataset: 'q', source: 'portraits', size: 32, seed: 5, count: 3, classifier: 'brightness' };
  const prepare = (more: object = {}) => lab.executor.callEffect('prepare', { ...body, engine: 'reference', ...more });
  await expect(prepare()).rejects.toThrow('there is no model "brightness" in the store');
  const license = { name: 'MIT', read_in: 'a letter' };
  await putModel({ store, blobs }, 'bare', {
    v: 1,
    weights: { model: weights.model ?? [] },
    source: 'a friend',
    license,
  });
  await expect(prepare({ classifier: 'bare' })).rejects.toThrow('has no part "config": it is no classifier');
  await putModel({ store, blobs }, 'brightness', { v: 1, weights, source: 'a friend', license });
  await prepare();
  const made = (await createRefs(store).datasets.read('q'))?.value.dataset as Digest;
  expect(await scoresOf(made)).toEqual(await scoresOf(outputOf(await call())));
});

test('prepare leaves out the pictures whose score breaks a rule, in the call that scores them', async () => {
  const all = await scoresOf(outputOf(await call()));
  const dark = all.map(({ scores }) => scores.dark).sort((a, b) => a - b);
  const limit = ((dark[0] ?? 0) + (dark[1] ?? 0)) / 2;
  await putModel({ store, blobs }, 'shade', {
    v: 1,
    weights,
    source: 'a friend',
    license: { name: 'MIT', read_in: 'a letter' },
  });
  const body = {
    dataset: 'r',
    source: 'portraits',
    size: 32,
    seed: 5,
    count: 3,
    classifier: 'shade',
    engine: 'reference',
  };
  const prepare = () => lab.executor.callEffect('prepare', { ...body, rules: { scores: { dark: { max: limit } } } });
  await prepare();
  const made = (await createRefs(store).datasets.read('r'))?.value.dataset as Digest;
  const { removed, rejects } = await lab.dataset(made);
  const byRule = expect.stringMatching(
    /^the score "dark" is 0\.\d+; expected at most .* \(rules\.scores\.dark\.max\)$/,
  );
  const out = removed.map(id => expect.objectContaining({ id, reason: byRule }));
  expect([removed.length, rejects]).toEqual([2, out]);
  await prepare();
  expect((await createRefs(store).datasets.read('r'))?.value.dataset).toBe(made);
  const typo = lab.executor.callEffect('prepare', { ...body, rules: { scores: { drak: { max: 1 } } } });
  await expect(typo).rejects.toThrow('drak');
});

test('classify refuses an unknown label, a missing part and a missing engine', async () => {
  await expect(call({ labels: ['drak'] })).rejects.toThrow('the classifier has no label "drak"');
  await expect(call({ weights: { model: weights.model } })).rejects.toThrow('a classifier needs its part "config"');
  await expect(lab.executor.call('classify', { dataset, weights })).rejects.toThrow('engine is missing');
  await expect(call({ weights: { ...weights, config: weights.model } })).rejects.toThrow('is not JSON');
});
