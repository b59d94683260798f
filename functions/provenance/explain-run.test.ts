import { beforeAll, describe, expect, test } from 'vitest';
import { canonicalDigest, type Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { lineageSchema } from '../../storage/lineage-record.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { createPictureLab, outputOf } from '../testing/pictures.ts';
import { createTrainingLab, ENGINE, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { diffJson } from './diff-json.ts';
import { explainRun } from './explain-run.ts';

describe('diffJson', () => {
  test('names the innermost keys, and a key that one side lacks', () => {
    expect(diffJson({ a: { b: [1, 2], c: 1 }, d: 1 }, { a: { b: [1, 3] }, d: 1 })).toEqual([
      { path: 'a.b.1', before: 2, after: 3 },
      { path: 'a.c', before: 1, after: null },
    ]);
  });

  test('compares arrays of unlike lengths, and values of unlike kinds, as a whole', () => {
    expect(diffJson([1], [1, 2])).toEqual([{ path: '', before: [1], after: [1, 2] }]);
    expect(diffJson({ a: {} }, { a: [] })).toEqual([{ path: 'a', before: {}, after: [] }]);
    expect(diffJson({ a: [{ b: 1 }] }, { a: [{ b: 1 }] })).toEqual([]);
  });
});

describe('a sample', () => {
  let lab: TrainingLab;
  const sample = (params: object) =>
    lab.executor.call('sample', { checkpoint: 'toy', prompts: ['a'], steps: 2, engine: ENGINE, ...params });

  beforeAll(async () => {
    lab = createTrainingLab();
    await lab.create('toy');
    await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
  });

  test('that is the first of its kind has no similar action', async () => {
    const { action } = await sample({});
    expect(await explainRun(lab.store, lab.blobs, action)).toMatchObject({
      similar: null,
      differences: [],
      causes: [],
    });
  });

  test('ran again for its prompt: the similar action is the one with the fewest differences', async () => {
    const { action: first } = await sample({ prompts: ['b'] });
    await sample({ prompts: ['c'], seed: 1, steps: 1 });
    const { action } = await sample({ prompts: ['b'], seed: 5 });
    const why = await explainRun(lab.store, lab.blobs, action);
    expect(why).toMatchObject({ function: 'sample', similar: first });
    expect(why.differences).toEqual([{ path: 'params.seed', before: 0, after: 5 }]);
    expect(why.causes).toEqual([{ path: 'params.seed', before: 0, after: 5, in: 'sample', through: [] }]);
  });

  test('of another experiment is led back to the key of the config that differs, through every chunk', async () => {
    const { action: first } = await sample({ prompts: ['same'] });
    const config = { ...TOY_CONFIG, optimizer: { ...TOY_CONFIG.optimizer, learning_rate: 0.5 } };
    await lab.create('other', config);
    await lab.executor.callEffect('train', { experiment: 'other', target: 64 });
    const { action } = await sample({ checkpoint: 'other', prompts: ['same'] });
    const why = await explainRun(lab.store, lab.blobs, action);
    expect(why.similar).toBe(first);
    expect(why.differences.map(({ path }) => path)).toEqual(['inputs.checkpoint']);
    expect(why.causes).toMatchObject([
      {
        in: 'config',
        path: 'optimizer.learning_rate',
        after: 0.5,
        through: ['sample.checkpoint', expect.stringContaining('train-chunk.config')],
      },
    ]);
  });
});

test('the first chunk has no similar action, though the records of later chunks tell no time', async () => {
  const lab = createTrainingLab();
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
  const { chunks } = (await readHead(lab.store, 'toy')).value;
  const actionOf = async (n: number) => {
    const bytes = await lab.blobs.get(chunks[n]?.record as Digest);
    return canonicalDigest(lineageSchema.parse(JSON.parse(Buffer.from(bytes).toString())).made[0]?.action as Json);
  };
  expect(await explainRun(lab.store, lab.blobs, await actionOf(0))).toMatchObject({ similar: null });
  expect(await explainRun(lab.store, lab.blobs, await actionOf(1))).toMatchObject({ similar: await actionOf(0) });
});

test('a stage is led back to the parameter of an earlier stage', async () => {
  const lab = createPictureLab();
  const drawn = await lab.executor.call('render-portraits', { seed: 3, size: 16, from: 0, to: 3 });
  const items = outputOf(drawn, 'items');
  const originals = { v: 1, kind: 'dataset', pages: [{ items, columns: {} }], removed: [], encoders: {} };
  const document = { ...originals, counts: { pictures: 3 }, rejects: [], links: [items, ...drawn.result.links] };
  const { digest } = await lab.blobs.put(Buffer.from(JSON.stringify(document)), 'application/json');
  const inspected = outputOf(await lab.executor.call('inspect', { dataset: digest }));
  const dataset = outputOf(await lab.executor.call('ingest', { dataset: inspected }));
  const caption = async (size: number) => {
    const bucketed = outputOf(await lab.executor.call('bucket', { dataset, size }));
    return lab.executor.call('caption', { dataset: bucketed });
  };
  const first = await caption(8);
  const { action } = await caption(16);
  const why = await explainRun(lab.store, lab.blobs, action);
  expect(why.similar).toBe(first.action);
  expect(why.causes).toEqual([
    { path: 'params.size', before: 8, after: 16, in: 'bucket', through: ['caption.dataset'] },
  ]);
});
