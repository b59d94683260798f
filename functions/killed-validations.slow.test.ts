/** @file A validation that is killed at any write: the same call again leaves what an undisturbed one leaves. */
import { beforeAll, expect, test } from 'vitest';
import { packColumn } from '../formats/webdataset.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import { digestOf } from '../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { interceptStore } from '../storage/intercept.ts';
import type { ObjectStore } from '../storage/types.ts';
import { readHead } from './experiments/experiment-head.ts';
import { createExperiment } from './operations/create-experiment.ts';
import {
  ASKED_ENGINE,
  createTrainingLab,
  listKeys,
  putToyDataset,
  TOY_CONFIG,
  type TrainingLab,
} from './testing/training.ts';

const VALIDATE = { every: 8, pictures: 1, tests: ['edit', 'text', 'drift'] };

/** The objects of a store whose experiment was validated once, at step 8. */
const validated: MemoryObjects = new Map();

beforeAll(async () => {
  const lab = createTrainingLab(createMemoryStore(validated));
  const toy = await readDataset(lab.blobs, await putToyDataset(lab.blobs, { count: 3, side: 8, heldOut: 2 }));
  const page = toy.pages[0]!;
  const ids = (await readItems(lab.blobs, page)).map(({ id }) => id);
  const captions = packColumn(new Map(ids.map(id => [`${id}.txt`, Buffer.from('a long hat')])));
  const caption = (await lab.blobs.put(captions, 'application/x-tar')).digest;
  const pages = [{ ...page, columns: { ...page.columns, caption } }];
  const dataset = (await putDocument(lab.blobs, { ...toy, pages, links: [...toy.links, caption] })).digest;
  const run = { ...TOY_CONFIG.run, preview: { prompts: [], steps: 2 }, validate: VALIDATE };
  await createExperiment(lab, 'toy', { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
  await train(lab, 8);
});

function train(lab: TrainingLab, steps: number) {
  return lab.executor.callEffect('train', { experiment: 'toy', target: steps * TOY_CONFIG.data.batch_size });
}

/** From the n-th write on, nothing is written, as after the death of the process. */
function dieAtWrite(living: ObjectStore, n: number): ObjectStore {
  let writes = 0;
  return interceptStore(living, async ({ operation }, run) => {
    const isWrite = operation === 'put' || operation === 'copy' || operation === 'delete';
    if (isWrite && ++writes >= n) throw new Error('killed');
    return run();
  });
}

/** Files of the validations by name, and the documents behind them. */
async function readValidations(store: ObjectStore): Promise<Record<string, string>> {
  const keys = await listKeys(store, 'experiments/toy/validation/');
  const bodies = await Promise.all(keys.map(key => store.get(key)));
  const documents = (await readHead(store, 'toy')).value.chunks.map(({ to, artifacts }) => [to, artifacts.suite ?? '']);
  return Object.fromEntries([...documents, ...keys.map((key, i) => [key, digestOf(bodies[i]?.body ?? '')])]);
}

test.each([
  {
    name: 'validate',
    call: (lab: TrainingLab) =>
      lab.executor.callEffect('validate', { checkpoint: 'toy', count: 1, tests: ['text', 'drift'] }),
  },
  { name: 'a training with run.validate', call: (lab: TrainingLab) => train(lab, 16) },
])('$name that is killed every few writes ends with the bytes of one that is not', async ({ call }) => {
  const whole = createMemoryStore(new Map(validated));
  await call(createTrainingLab(whole));
  const objects: MemoryObjects = new Map(validated);
  const store = createMemoryStore(objects);
  let deaths = 0;
  // Each life writes one object more than the last: it dies at other places, and gets on.
  const live = (writes: number) =>
    call(createTrainingLab(dieAtWrite(store, writes))).then(
      () => true,
      () => false,
    );
  for (let writes = 1; !(await live(writes)); writes++) {
    deaths++;
    // The lease of a dead holder expires.
    for (const key of [...objects.keys()]) if (key.startsWith('leases/')) objects.delete(key);
  }
  expect(deaths).toBeGreaterThan(6);
  expect(await readValidations(store)).toEqual(await readValidations(whole));
});
