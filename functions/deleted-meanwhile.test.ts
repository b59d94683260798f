/** A dataset that is deleted while a call judges experiments on it: the call is refused, and leaves no pictures. */
import { beforeEach, expect, test } from 'vitest';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { type Around, interceptStore } from '../storage/intercept.ts';
import { blobKey } from '../storage/keys.ts';
import { createRefs } from '../storage/names/refs.ts';
import { readHead } from './experiments/experiment-head.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { deleteDataset } from './operations/delete-dataset.ts';
import {
  ASKED_ENGINE,
  createTrainingLab,
  listKeys,
  putToyDataset,
  TOY_CONFIG,
  type TrainingLab,
} from './testing/training.ts';

let lab: TrainingLab;
let dataset: Digest;
/** Called before each write. */
let onPut: (key: string) => Promise<void>;

beforeEach(async () => {
  onPut = async () => {};
  const around: Around = async (call, run) => {
    if (call.operation === 'put') await onPut(call.key);
    return run();
  };
  lab = createTrainingLab(interceptStore(createMemoryStore(), around));
  dataset = await putToyDataset(lab.blobs, { count: 8, heldOut: 3 });
  await createRefs(lab.store).datasets.create('toys', { v: 1, dataset });
  const run = { ...TOY_CONFIG.run, held_out_pictures: 2, preview: { prompts: [], steps: 2 } };
  for (const name of ['toy', 'other']) {
    await createExperiment(lab, name, { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
    await lab.executor.callEffect('train', { experiment: name, target: 32 });
  }
});

const remove = () => deleteDataset({ ...lab, call: lab.executor.call, now: Date.now }, 'toys', { force: true });

/** Runs `act` before the first write of a key, and not again for its own writes. */
function before(key: string | RegExp, act: () => Promise<unknown>): void {
  onPut = async found => {
    if (typeof key === 'string' ? found !== key : !key.test(found)) return;
    onPut = async () => {};
    await act();
  };
}

/** Deletes once, when the gpu-runner draws. */
function whileDrawing(act: () => Promise<unknown>): void {
  const { run } = lab.runner;
  lab.runner.run = async (action, job, options) => {
    if (job.kind === 'sample') {
      lab.runner.run = run;
      await act();
    }
    return run(action, job, options);
  };
}

const CALLS: readonly (readonly [string, Json])[] = [
  ['validate', { checkpoint: 'toy', count: 2, tests: ['reconstruction'], weights: ['ema'], steps: 2, seed: 7 }],
  ['evaluate', { checkpoint: 'toy', samples: 2, conditions: ['text'], steps: 2, seed: 7 }],
  ['check-memorization', { checkpoint: 'toy', samples: 2, steps: 2, seed: 7 }],
];

async function artifactsOf(name: string) {
  return Object.keys((await readHead(lab.store, name)).value.chunks.at(-1)?.artifacts ?? {});
}

test.each(CALLS)(
  '%s ends in a conflict when the dataset is deleted meanwhile, and keeps nothing',
  async (name, body) => {
    whileDrawing(remove);
    await expect(lab.executor.callEffect(name, body)).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining('the pictures that "toy" was trained on were deleted'),
    });
    expect(await artifactsOf('toy')).toEqual([]);
    expect(await listKeys(lab.store, 'experiments/toy/validation/')).toEqual([]);
  },
);

test('what a validation records between two steps of the deletion goes, too', async () => {
  const [[name, body] = ['', {}]] = CALLS;
  let answer: unknown;
  let writes = 0;
  // The deletion changes the head twice: it takes the pictures out, and marks it.
  onPut = async key => {
    if (key !== 'refs/experiments/toy.json' || ++writes !== 2) return;
    onPut = async () => {};
    answer = await lab.executor.callEffect(name, body).catch((error: unknown) => error);
  };
  await remove();
  expect(answer).toMatchObject({ folder: 'experiments/toy/validation/step0000004/' });
  expect(await artifactsOf('toy')).toEqual([]);
  expect(await listKeys(lab.store, 'experiments/toy/validation/')).toEqual([]);
});

test.each(CALLS)('%s ends as not found when the pictures are erased meanwhile', async (name, body) => {
  whileDrawing(async () => {
    await remove();
    const { pages } = await readDataset(lab.blobs, dataset);
    for (const { columns } of pages) {
      for (const digest of Object.values(columns)) await lab.store.delete(blobKey(digest as Digest));
    }
  });
  await expect(lab.executor.callEffect(name, body)).rejects.toMatchObject({ status: 404 });
});

const COMPARED = { experiments: ['toy', 'other'], title: 'Toys' };

test.each([
  ['before the report has its name', 'refs/reports/toys.json'],
  ['while the page is made', /^actions\/render-comparison\//],
])('compare ends in a conflict when the dataset is deleted %s, and leaves no report', async (_, key) => {
  before(key, remove);
  await expect(lab.executor.callEffect('compare', COMPARED)).rejects.toMatchObject({
    status: 409,
    message: expect.stringContaining('were deleted'),
  });
  expect(await createRefs(lab.store).reports.list()).toEqual([]);
  expect(await listKeys(lab.store, 'reports/')).toEqual([]);
});

test('a report that is made while the dataset is being deleted is deleted with it', async () => {
  before('refs/experiments/other.json', () => lab.executor.callEffect('compare', COMPARED));
  await remove();
  expect(await createRefs(lab.store).reports.list()).toEqual([]);
  expect(await listKeys(lab.store, 'reports/')).toEqual([]);
});
