import { beforeEach, expect, test } from 'vitest';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { createExperiment } from '../operations/create-experiment.ts';
import { ASKED_ENGINE, createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { readHead } from './experiment-head.ts';
import { uniteDatasets } from './unite-datasets.ts';

let lab: TrainingLab;
let hats: Digest;
let coats: Digest;

beforeEach(async () => {
  lab = createTrainingLab();
  hats = await putToyDataset(lab.blobs);
  coats = await putToyDataset(lab.blobs, { count: 3, side: 24 });
  const { datasets } = createRefs(lab.store);
  await datasets.create('hats', { v: 1, dataset: hats });
  await datasets.create('coats', { v: 1, dataset: coats });
});

const SETS = [
  { name: 'hats', repeats: 3 },
  { name: 'coats', weight: 0.5 },
];

function create(name: string, datasets: Json = SETS, more: object = {}) {
  const config = { ...TOY_CONFIG, data: { ...TOY_CONFIG.data, datasets } };
  return createExperiment(lab, name, { config, engine: ASKED_ENGINE, ...more });
}

async function change(digest: Digest, changes: object): Promise<Digest> {
  return (await putDocument(lab.blobs, { ...(await readDataset(lab.blobs, digest)), ...changes })).digest;
}

test('an experiment on several data sets is on their union, which has the pages of all', async () => {
  const { head, config } = await create('both');
  expect(head).not.toHaveProperty('dataset_name');
  const [a, b, union] = await Promise.all([hats, coats, head.dataset].map(digest => readDataset(lab.blobs, digest)));
  expect(union?.pages).toEqual([...(a?.pages ?? []), ...(b?.pages ?? [])]);
  expect(union?.sets).toEqual([
    { name: 'hats', dataset: hats, pages: 1, times: 3 },
    { name: 'coats', dataset: coats, pages: 1, times: 0.5 },
  ]);
  expect(union?.links).toEqual(expect.arrayContaining([hats, coats, ...(a?.links ?? []), ...(b?.links ?? [])]));
  for (const [key, count] of Object.entries(union?.counts ?? {})) {
    expect(count, key).toBe((a?.counts[key] ?? 0) + (b?.counts[key] ?? 0));
  }
  expect(config.data.bucket_group).toBe(8);
  expect(await create('both')).toMatchObject({ created: false });
});

test('README.md names the sets, and how much each counts', async () => {
  const { head } = await create('both');
  const readme = Buffer.from((await lab.store.get('experiments/both/README.md'))?.body ?? []).toString();
  expect(readme).toContain(`| dataset | hats x 3, coats x 0.5, \`${head.dataset}\` |`);
});

test('when one of the sets is prepared again, a note says so, and the training moves to its newer version', async () => {
  await create('both');
  await lab.executor.callEffect('train', { experiment: 'both', target: 64 });
  const newer = await putToyDataset(lab.blobs, { count: 4, side: 24 });
  const { datasets } = createRefs(lab.store);
  const ref = await datasets.read('coats');
  if (ref) await datasets.compareAndSwap('coats', ref.etag, { v: 1, dataset: newer });
  const told = await lab.executor.callEffect('train', { experiment: 'both', target: 64 });
  expect((told as { notes: { text: string }[] }).notes.map(({ text }) => text)).toEqual([
    expect.stringContaining('the dataset "coats" was prepared again since'),
  ]);
  await expect(lab.executor.callEffect('train', { experiment: 'both', dataset: hats })).resolves.toBeTruthy();
  const before = (await readHead(lab.store, 'both')).value.dataset;
  await lab.executor.callEffect('train', { experiment: 'both', dataset: newer });
  const { dataset, former_datasets } = (await readHead(lab.store, 'both')).value;
  expect((await readDataset(lab.blobs, dataset)).sets).toEqual([
    { name: 'hats', dataset: hats, pages: 1, times: 3 },
    { name: 'coats', dataset: newer, pages: 1, times: 0.5 },
  ]);
  expect(former_datasets?.map(each => each.dataset)).toEqual([before]);
  const other = await putToyDataset(lab.blobs, { count: 5 });
  await expect(lab.executor.callEffect('train', { experiment: 'both', dataset: other })).rejects.toMatchObject({
    message: 'the experiment "both" is not trained on that dataset',
    expected: 'the newest version of one of its data sets: hats, coats',
  });
});

test('a training moves to a mixture of the same sets, and not to one with other weights', async () => {
  await create('both');
  await lab.executor.callEffect('train', { experiment: 'both', target: 64 });
  const { head } = await create('other', [{ name: 'hats' }, { name: 'coats' }]);
  const move = (dataset: Digest) => lab.executor.callEffect('train', { experiment: 'both', dataset });
  await expect(move(head.dataset)).rejects.toThrow('is not trained on that dataset');
  const newer = await putToyDataset(lab.blobs, { count: 4, side: 24 });
  const { datasets } = createRefs(lab.store);
  const ref = await datasets.read('coats');
  if (ref) await datasets.compareAndSwap('coats', ref.etag, { v: 1, dataset: newer });
  const renewed = (await create('third')).head.dataset;
  await move(renewed);
  expect((await readHead(lab.store, 'both')).value.dataset).toBe(renewed);
});

test('sets of unlike encoders are refused, unless the model is not conditioned on them', async () => {
  const { encoders } = await readDataset(lab.blobs, coats);
  const others = await change(coats, { encoders: { ...encoders, cls: { name: 'dinov3', dim: 64 } } });
  const sets = [
    { name: 'hats', weight: 1, repeats: 1 },
    { name: others, weight: 1, repeats: 1 },
  ];
  await expect(uniteDatasets(lab, sets)).rejects.toThrow(/the data sets differ in cls: hats have/);
  const union = await readDataset(lab.blobs, await uniteDatasets(lab, sets, { text: encoders.text } as never));
  expect(Object.keys(union.encoders).toSorted()).toEqual(['patches', 'text']);
});

test('a mixture of a mixture, an unknown name, and a dataset beside data.datasets are refused', async () => {
  const { head } = await create('both');
  await expect(create('twice', [{ name: head.dataset }])).rejects.toThrow(/is a mixture itself/);
  await expect(create('none', [{ name: 'shoes' }])).rejects.toMatchObject({
    message: 'data.datasets: there is no dataset "shoes"',
    expected: 'a digest, or the name of a dataset: coats, hats',
  });
  await expect(create('two', SETS, { dataset: hats })).rejects.toThrow(/names a dataset, and so does data.datasets/);
  await expect(createExperiment(lab, 'no', { config: TOY_CONFIG, engine: ASKED_ENGINE })).rejects.toThrow(
    /dataset is missing/,
  );
});

test('a picture that is trained on in one set and held out in another is refused', async () => {
  const { pages, ...rest } = await readDataset(lab.blobs, hats);
  const lines = Buffer.from(await lab.blobs.get(pages[0]?.items ?? hats))
    .toString()
    .replaceAll('"train"', '"val"');
  const items = (await lab.blobs.put(Buffer.from(lines))).digest;
  const held = (await putDocument(lab.blobs, { ...rest, pages: pages.map(page => ({ ...page, items })) })).digest;
  await expect(create('both', [{ name: held }, { name: 'coats' }])).rejects.toThrow(
    '2 pictures of the data sets are in unlike splits',
  );
});

test('weights by which a pass has no picture are refused, and those by which it has one many times', async () => {
  const rare = [{ name: 'hats', weight: 0.1 }];
  await expect(create('rare', rare)).rejects.toThrow('a pass over the data sets has 0.2 pictures of the split train');
  const often = [{ name: 'hats', weight: 100, repeats: 100 }];
  await expect(create('often', often)).rejects.toThrow('expected weight times repeats of at most 1000');
});
