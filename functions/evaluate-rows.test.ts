/** @file Rows of a table of quality: of the split test, and by several nets of LPIPS. */
import { beforeEach, expect, test } from 'vitest';
import { type Evaluation, setComparisonSchema } from '../configs/evaluation.ts';
import { encodeNpy } from '../formats/npy.ts';
import { readColumn } from '../formats/webdataset.ts';
import { putDocument, readDataset, readDocument } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import type { Digest } from '../storage/digest.ts';
import { readHead } from './experiments/experiment-head.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { putModel } from './operations/put-model.ts';
import { drawTrainingPictures } from './testing/draw-training-pictures.ts';
import {
  ASKED_ENGINE,
  createTrainingLab,
  listKeys,
  putToyDataset,
  TOY_CONFIG,
  type TrainingLab,
} from './testing/training.ts';

type Answer = Evaluation & { readonly tested_before?: number[] };

let lab: TrainingLab;

beforeEach(() => {
  lab = createTrainingLab();
});

/** Eight toy pictures of 32 pixels: three are of the split val, then two of the split test. */
async function putSplits(): Promise<Digest> {
  const toy = await readDataset(lab.blobs, await putToyDataset(lab.blobs, { count: 8, heldOut: 5, side: 32 }));
  const [page] = toy.pages;
  if (page === undefined) throw new Error('no page');
  const lines = (await readItems(lab.blobs, page)).map(
    (item, i) => `${JSON.stringify(i >= 6 ? { ...item, split: 'test' } : item)}\n`,
  );
  const items = (await lab.blobs.put(Buffer.from(lines.join('')), 'application/jsonl')).digest;
  const document = { ...toy, pages: [{ ...page, items }], links: [...toy.links, items] };
  return (await putDocument(lab.blobs, document)).digest;
}

const trainTo = (target: number) => lab.executor.callEffect('train', { experiment: 'toy', target });
const evaluate = (body: object = {}) =>
  lab.executor.callEffect('evaluate', {
    ...{ checkpoint: 'toy', samples: 8, steps: 1, conditions: ['text'], ...body },
  }) as unknown as Promise<Answer>;

async function create(): Promise<void> {
  const run = { ...TOY_CONFIG.run, keep: 4 };
  const dataset = await putSplits();
  await createExperiment(lab, 'toy', { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
  await trainTo(32);
}

test('the split test has a table of its own, beside that of val, and a second look at it is told', async () => {
  await create();
  const val = await evaluate();
  const held = await evaluate({ split: 'test' });
  expect([val.samples, val.split, held.samples, held.split]).toEqual([3, undefined, 2, 'test']);
  const idsOf = async ({ rows }: Answer, name: string) => {
    const comparison = rows.find(({ row }) => row === name)?.comparison as Digest;
    const { distances = [] } = await readDocument(lab.blobs, comparison, setComparisonSchema, 'a comparison');
    return distances.map(({ id }) => Number.parseInt(id, 16));
  };
  for (const name of ['drawn', 'real', 'noise']) {
    expect([await idsOf(val, name), await idsOf(held, name)], name).toEqual([
      [3, 4, 5],
      [6, 7],
    ]);
  }
  expect(held.rows.find(({ row }) => row === 'real')?.fidelity?.psnr?.mean).toBe(150);
  expect(held.missing.map(({ why }) => why).join()).not.toContain('split val');
  expect(await listKeys(lab.store, 'experiments/toy/evaluation')).toEqual([
    'experiments/toy/evaluation-test/step0000004/results.json',
    'experiments/toy/evaluation/step0000004/results.json',
  ]);
  expect(held).not.toHaveProperty('tested_before');
  await trainTo(64);
  const second = await evaluate({ split: 'test' });
  expect(second.tested_before).toEqual([4]);
  expect(await lab.executor.callEffect('verify', {})).toMatchObject({ ok: true, unreadable: { total: 0 } });
});

test('every installed net of LPIPS that the training did not see compares the pictures', async () => {
  await create();
  const { digest } = await lab.blobs.put(Buffer.from('weights'));
  const license = { name: 'BSD-2-Clause', read_in: 'a test' };
  for (const net of ['lpips-alex', 'lpips-vgg']) {
    await putModel(lab, net, { v: 1, weights: { heads: [digest] }, source: 'a test', license });
  }
  const { run } = lab.runner;
  lab.runner.run = async (action, job, options) => {
    if (job.kind !== 'distance') return run(action, job, options);
    const count = readColumn(await lab.blobs.get(job.a)).size;
    const data = new Float32Array(count).fill(job.net === 'lpips-vgg' ? 0.5 : 0.25);
    const distances = await lab.blobs.put(encodeNpy({ dtype: 'f32', shape: [count], data }));
    return { outputs: { distances }, links: [], stats: {} };
  };
  const table = await evaluate();
  expect(table.lpips).toBe('lpips-alex');
  for (const { row, fidelity, lpips_nets: nets } of table.rows) {
    expect([fidelity?.lpips?.mean, nets], row).toEqual([0.25, { 'lpips-vgg': { mean: 0.5, low: 0.5, high: 0.5 } }]);
  }
});

test('the noise floor is how far two draws of one condition differ: not at all, where the noise decides nothing', async () => {
  await create();
  expect((await evaluate()).rows.some(row => row.noise_floor)).toBe(false);
  const { rows } = await evaluate({ noise_floor: true });
  expect(rows.map(({ row, noise_floor: floor }) => [row, floor !== undefined])).toEqual(
    rows.map(({ row }) => [row, row === 'drawn']),
  );
  expect(rows[0]?.noise_floor?.psnr?.mean).toBeLessThan(30);
  const { dataset } = (await readHead(lab.store, 'toy')).value;
  await drawTrainingPictures(lab, dataset, 3);
  const same = (await evaluate({ noise_floor: true, steps: 2 })).rows[0];
  expect([same?.noise_floor?.psnr?.mean, same?.noise_floor?.ssim?.mean]).toEqual([150, 1]);
});

test('a condition that the model cannot be given is refused before anything is drawn for the others', async () => {
  await create();
  const { run } = lab.runner;
  const jobs: string[] = [];
  lab.runner.run = (action, job, options) => {
    jobs.push(job.kind);
    return run(action, job, options);
  };
  await expect(evaluate({ conditions: ['text', 'other_pose'] })).rejects.toThrow('the model was trained without pose');
  expect(jobs).not.toContain('sample');
});
