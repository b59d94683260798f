import { expect, test } from 'vitest';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { listRoots } from '../../storage/gc/roots.ts';
import type { Dataset } from '../../storage/records.ts';
import { releasePictures } from '../datasets/release-pictures.ts';
import { branchExperiment } from '../operations/branch-experiment.ts';
import { createExperiment } from '../operations/create-experiment.ts';
import { putModel } from '../operations/put-model.ts';
import { createTrainingLab, ENGINE, putToyDataset, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';

/** The toy dataset as if its texts came from an encoder with weights. */
async function putWeighed({ blobs }: TrainingLab, weights: Digest): Promise<Digest> {
  const toy = await readDataset(blobs, await putToyDataset(blobs));
  const text = { name: 'words', dim: 192, tokens: 64, weights: { model: [weights] } };
  const weighed: Dataset = { ...toy, encoders: { ...toy.encoders, text }, links: [...toy.links, weights] };
  return (await putDocument(blobs, weighed)).digest;
}

async function createOn(lab: TrainingLab, name: string, dataset: Digest) {
  return createExperiment(lab, name, { config: TOY_CONFIG, dataset, engine: ENGINE });
}

test('gc follows an experiment to the weights of its encoders', async () => {
  const lab = createTrainingLab();
  const weights: Digest = (await lab.blobs.put(Buffer.from('weights'))).digest;
  const { head } = await createOn(lab, 'weighed', await putWeighed(lab, weights));
  expect(head.weights).toEqual([weights]);
  const { signal } = new AbortController();
  const linked: Digest[] = [];
  const select = ({ key }: { readonly key: string }) => key.startsWith('refs/');
  for await (const { links } of listRoots(lab.store, { signal, select, onUnreadable: () => {} })) {
    linked.push(...links.map(({ digest }) => digest));
  }
  expect(linked).toContain(weights);
});

test('a branch keeps the weights of its encoders', async () => {
  const lab = createTrainingLab();
  const weights: Digest = (await lab.blobs.put(Buffer.from('weights'))).digest;
  await createOn(lab, 'weighed', await putWeighed(lab, weights));
  await lab.executor.callEffect('train', { experiment: 'weighed', target: 32 });
  const { head } = await branchExperiment(lab, 'weighed', { name: 'branch', from: 'latest', config: {} });
  expect(head.weights).toEqual([weights]);
});

test('an experiment whose weights are not stored is refused', async () => {
  const lab = createTrainingLab();
  const absent = digestOf('never stored');
  await expect(createOn(lab, 'weighed', await putWeighed(lab, absent))).rejects.toThrow(absent);
});

test('datasets of different pictures may share weights: one is deleted without the other', async () => {
  const lab = createTrainingLab();
  const weights: Digest = (await lab.blobs.put(Buffer.from('weights'))).digest;
  await createOn(lab, 'weighed', await putWeighed(lab, weights));
  const other: Dataset = {
    v: 1,
    kind: 'dataset',
    pages: [],
    removed: [],
    encoders: { text: { name: 'words', dim: 192, tokens: 64, weights: { model: [weights] } } },
    counts: {},
    rejects: [],
    links: [weights],
  };
  const head = { v: 1, dataset: (await putDocument(lab.blobs, other)).digest } as const;
  await releasePictures({ ...lab, now: Date.now }, 'other', head, { force: false });
});

const withLpips = (lpips: object) => ({ ...TOY_CONFIG, objective: { losses: { lpips: { weight: 0.1, ...lpips } } } });

test('the loss lpips takes the weights of the installed net, and keeps them when others are installed', async () => {
  const lab = createTrainingLab();
  const dataset = await putToyDataset(lab.blobs);
  const install = async (texts: readonly string[]) => {
    const [heads, trunk] = await Promise.all(texts.map(async text => (await lab.blobs.put(Buffer.from(text))).digest));
    if (!heads || !trunk) throw new Error('both are stored');
    const weights = { heads: [heads], trunk: [trunk] };
    await putModel(lab, 'lpips-vgg', { v: 1, weights, source: 'a file', license: { name: 'MIT', read_in: 'a page' } });
    return [heads, trunk];
  };
  const request = { config: withLpips({ net: 'vgg' }), dataset, engine: ENGINE };
  await expect(createExperiment(lab, 'sharp', request)).rejects.toThrow('"lpips-vgg", which is not installed');
  const digests = await install(['heads', 'trunk']);
  const made = await createExperiment(lab, 'sharp', request);
  expect(made.config.objective.frozen).toEqual({ 'lpips-vgg': digests });
  expect(made.head.weights).toEqual(digests);
  await install(['other heads', 'other trunk']);
  const again = await createExperiment(lab, 'sharp', request);
  expect([again.created, again.config.objective.frozen]).toEqual([false, { 'lpips-vgg': digests }]);
});

test('weights that the config names need no installed net', async () => {
  const lab = createTrainingLab();
  const { digest } = await lab.blobs.put(Buffer.from('weights'));
  const { losses } = withLpips({}).objective;
  const config = { ...TOY_CONFIG, objective: { losses, frozen: { 'lpips-alex': [digest] } } };
  const request = { config, dataset: await putToyDataset(lab.blobs, { side: 32 }), engine: ENGINE };
  expect((await createExperiment(lab, 'named', request)).head.weights).toEqual([digest]);
});
