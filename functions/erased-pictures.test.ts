import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { samplingSchema } from '../configs/sampling.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import type { Json } from '../storage/canonical.ts';
import type { Chunk } from '../storage/chunk-record.ts';
import { SYSTEM_CLOCK } from '../storage/clock.ts';
import { digestOf } from '../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { LIFETIMES } from '../storage/gc/lifetimes.ts';
import { blobKey } from '../storage/keys.ts';
import { createRefs } from '../storage/names/refs.ts';
import { digestSchema, noteSchema } from '../storage/records.ts';
import { listReportsOf } from './datasets/report-holders.ts';
import { changeHead, readHead } from './experiments/experiment-head.ts';
import { moveToDataset } from './experiments/move-to-dataset.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { deleteDataset } from './operations/delete-dataset.ts';
import { deleteExperiment } from './operations/delete-experiment.ts';
import { deleteReport } from './operations/delete-report.ts';
import { renderSvgPng } from './pictures/image.ts';
import { recordDataset } from './provenance/record-dataset.ts';
import { failureOf } from './testing/functions.ts';
import { createPictureLab, type PictureLab } from './testing/pictures.ts';
import { ASKED_ENGINE, createFakeRunner, TOY_CONFIG } from './testing/training.ts';
import { writeChunkFiles } from './views/experiment-view.ts';
import { writeReportView } from './views/report-view.ts';

const answerSchema = z.object({
  digest: digestSchema,
  removed: z.int(),
  notes: z.array(noteSchema),
  summary: z.array(z.string()),
});

let folder = '';
let objects: MemoryObjects;
let ahead = 0;
let lab: PictureLab;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'easel-erased-')));
  objects = new Map();
  ahead = 0;
  const now = () => Date.now() + ahead;
  const clock = { ...SYSTEM_CLOCK, now };
  const store = createMemoryStore(objects, now);
  lab = createPictureLab({ store, importRoots: [folder], lifetimes: { ...LIFETIMES, clock }, clock });
  for (let i = 0; i < 3; i++) await write(i);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const captionOf = (i: number) => `the caption of number ${i}`;
const draw = (i: number) =>
  renderSvgPng(
    `<svg xmlns="http://www.w3.org/2000/svg" width="32" height="32"><rect width="32" height="32" fill="#${'2a7'.repeat(i + 1).slice(-3)}"/><circle cx="${5 + 9 * i}" cy="16" r="${3 + i}" fill="#fff"/></svg>`,
  );

async function write(i: number): Promise<void> {
  await writeFile(join(folder, `${i}.png`), await draw(i));
  await writeFile(join(folder, `${i}.txt`), captionOf(i));
}

async function takeOut(i: number): Promise<void> {
  for (const kind of ['png', 'txt']) await rm(join(folder, `${i}.${kind}`));
}

async function prepare(source: object = { folder }) {
  return answerSchema.parse(await lab.executor.callEffect('prepare', { dataset: 'mine', size: 32, ...source }));
}

async function collect(): Promise<void> {
  const ask = { delete: true, alone: true, grace_seconds: 0, retention_seconds: 0 };
  for (let time = 0; time < 3; time++) {
    ahead += 1000;
    await lab.executor.callEffect('gc', ask);
  }
}

/** Keys of objects that have the picture, its caption or its name. */
async function findTraces(i: number): Promise<string[]> {
  const traces = [Buffer.from(await draw(i)), Buffer.from(captionOf(i)), Buffer.from(`"${i}.png"`)];
  return [...objects].flatMap(([key, { body }]) =>
    traces.some(trace => Buffer.from(body).includes(trace)) ? [key] : [],
  );
}

const experimentOf = (name = 'stale') => {
  const runner = createFakeRunner(lab.blobs);
  const ctx = { ...lab, runner, now: Date.now };
  return {
    async create() {
      const dataset = (await createRefs(lab.store).datasets.read('mine'))?.value.dataset;
      if (dataset) await createExperiment(ctx, name, { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
    },
    move: async () => moveToDataset(ctx, name, (await prepare()).digest),
    head: async () => (await readHead(lab.store, name)).value,
  };
};

test('an experiment does not hold a dataset of other pictures that have the same mask', async () => {
  const mask = await draw(5);
  await writeFile(join(folder, '0-masklabel.png'), mask);
  await prepare();
  await experimentOf().create();
  const other = join(folder, 'other');
  await mkdir(other);
  await writeFile(join(other, '7.png'), await draw(7));
  await writeFile(join(other, '7.txt'), captionOf(7));
  await writeFile(join(other, '7-masklabel.png'), mask);
  await prepare({ dataset: 'other', folder: other });
  const ctx = { store: lab.store, blobs: lab.blobs, call: lab.executor.call, now: Date.now };
  await deleteDataset(ctx, 'other', { force: false });
  await expect(deleteDataset(ctx, 'mine', { force: false })).rejects.toThrow('stale');
});

describe('a report of a deleted experiment', () => {
  /** As compare makes it: a page that shows picture 1, and a list of runs that links it. */
  async function report(name: string, run: object): Promise<void> {
    const { digest } = await lab.blobs.put(await draw(1), 'image/png');
    const held = await putDocument(lab.blobs, { v: 1, kind: 'held-out', links: [digest] });
    const whole = { experiment: 'stale', chunks: [{ artifacts: { held_out: held.digest } }], ...run };
    const runs = await putDocument(lab.blobs, {
      ...{ v: 1, kind: 'compared-runs', title: name, questions: [], links: [held.digest] },
      arms: [{ name: 'stale', runs: [whole] }],
    });
    const page = await lab.blobs.put(Buffer.concat([Buffer.from('<!doctype html>'), await draw(1)]), 'text/html');
    const json = await putDocument(lab.blobs, { v: 1, kind: 'comparison-report', links: [] });
    const head = { v: 1, title: name, runs: runs.digest, html: page.digest, report: json.digest } as const;
    await createRefs(lab.store).reports.create(name, head);
    await writeReportView(lab.store, name);
  }
  const digestOfNothing = digestOf('nothing');
  const remove = (force: boolean) =>
    deleteDataset({ store: lab.store, blobs: lab.blobs, call: lab.executor.call, now: Date.now }, 'mine', { force });

  test('keeps its dataset from being deleted, and with force is deleted with all its pictures', async () => {
    const { digest } = await prepare();
    await report('by-name', { dataset: digestOfNothing, dataset_name: 'mine' });
    await report('by-pictures', { dataset: digest });
    await report('without-pictures', { dataset: digest, chunks: [{ artifacts: {} }] });
    await report('of-others', { experiment: 'other', dataset: digestOfNothing });
    expect(await listReportsOf(lab, ({ experiment }) => experiment === 'stale')).toEqual(['by-name', 'by-pictures']);
    expect(await failureOf(remove(false))).toMatchObject({
      status: 409,
      message: 'pictures of the dataset "mine" are shown by reports: by-name, by-pictures',
      hint: 'delete them first, or call DELETE /datasets/mine?force: the reports are deleted',
      details: { experiments: [], reports: ['by-name', 'by-pictures'] },
    });
    await remove(true);
    expect(await createRefs(lab.store).reports.list()).toEqual(['of-others', 'without-pictures']);
    for (const name of ['of-others', 'without-pictures']) await deleteReport(lab.store, name);
    await collect();
    expect(await findTraces(1)).toEqual([]);
  });

  test('whose list of runs is lost may show anything', async () => {
    await prepare();
    await report('lost', { dataset: digestOfNothing });
    const head = await createRefs(lab.store).reports.read('lost');
    await lab.store.delete(blobKey(head?.value.runs ?? digestOfNothing));
    await expect(remove(false)).rejects.toThrow('shown by reports: lost');
  });
});

describe('a picture that is taken out of its folder', () => {
  test('is erased with its caption and its line, and nothing else is', async () => {
    await prepare();
    expect((await findTraces(1)).length).toBeGreaterThan(3);
    await takeOut(1);
    const answer = await prepare();
    expect(answer).toMatchObject({ removed: 1, notes: [] });
    expect(answer.summary).toContain('1 picture of earlier imports removed');
    await collect();
    expect(await findTraces(1)).toEqual([]);
    const items = await lab.items(answer.digest);
    expect(items.map(({ name }) => name)).toEqual(['0.png', '2.png']);
    for (const i of [0, 2]) expect((await findTraces(i)).length).toBeGreaterThan(3);
    // What stays can be prepared without it.
    expect(await prepare()).toMatchObject({ digest: answer.digest, removed: 0 });
  });

  test('and comes back is taken as a new one, in the split that it had', async () => {
    const before = await lab.items((await prepare()).digest);
    await takeOut(0);
    await prepare();
    await collect();
    await write(0);
    const after = await lab.items((await prepare()).digest);
    expect(after.map(({ name }) => name)).toEqual(['1.png', '2.png', '0.png']);
    expect(after.at(-1)?.split).toBe(before[0]?.split);
    expect(after.slice(0, 2)).toMatchObject(before.slice(1).map(({ id, split }) => ({ id, split })));
  });

  test('as the last of its page takes the page with it', async () => {
    const first = await prepare();
    for (let i = 3; i < 5; i++) await write(i);
    await prepare();
    for (let i = 3; i < 5; i++) await takeOut(i);
    const now = await prepare();
    expect((await lab.dataset(now.digest)).pages).toEqual((await lab.dataset(first.digest)).pages);
  });

  test('is erased when another source takes the place of the folder', async () => {
    await prepare();
    await prepare({ source: 'portraits', count: 2, size: 32 });
    await collect();
    expect(await findTraces(1)).toEqual([]);
  });
});

describe('a picture that was taken out while an experiment holds it', () => {
  test('is named with the experiment and the calls that let it go, by each prepare', async () => {
    const experiment = experimentOf();
    await prepare();
    await experiment.create();
    await takeOut(1);
    for (let time = 0; time < 2; time++) {
      const [note] = (await prepare()).notes;
      expect(note).toMatchObject({
        code: 'held_by_experiment',
        count: 1,
        examples: [{ name: '1.png', text: 'taken out' }],
      });
      expect(note?.text).toContain('the experiment "stale" holds 1 picture that was taken out');
      expect(note?.text).toContain('POST /experiments/stale/train {"dataset":"mine"}');
      expect(note?.text).toContain('DELETE /experiments/stale');
    }
    await collect();
    expect((await findTraces(1)).length).toBeGreaterThan(0);
  });

  test.each(['moved', 'deleted'])('goes when the experiment is %s', async how => {
    const experiment = experimentOf();
    await prepare();
    await experiment.create();
    await takeOut(1);
    await prepare();
    if (how === 'moved') await experiment.move();
    else await deleteExperiment({ ...lab, now: Date.now }, 'stale');
    expect((await prepare()).notes).toEqual([]);
    await collect();
    expect(await findTraces(1)).toEqual([]);
  });

  test('is not held by an experiment on the newest version, nor by one whose pictures were deleted', async () => {
    const experiment = experimentOf();
    await prepare();
    await takeOut(1);
    await prepare();
    await experiment.create();
    expect((await prepare()).notes).toEqual([]);
    await changeHead(lab.store, 'stale', head => ({ ...head, dataset_deleted: true as const }));
    await takeOut(2);
    expect((await prepare()).notes).toEqual([]);
  });

  test('keeps the dataset from being deleted, though no page of it is left', async () => {
    const experiment = experimentOf();
    await prepare();
    await experiment.create();
    await takeOut(1);
    await prepare();
    const ctx = { store: lab.store, blobs: lab.blobs, call: lab.executor.call, now: Date.now };
    await expect(deleteDataset(ctx, 'mine', { force: false })).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining('stale'),
    });
  });

  test.each(['moved', 'left without pictures'])('leaves no file name in a record when it is %s', async how => {
    const experiment = experimentOf();
    await writeFile(join(folder, 'anna-lee.png'), 'no picture');
    await prepare();
    await experiment.create();
    const site = { store: lab.store, blobs: lab.blobs, signal: AbortSignal.timeout(60_000) };
    await recordDataset(site, 'stale', await experiment.head());
    const isNamed = () => [...objects.values()].some(({ body }) => Buffer.from(body).includes('anna-lee'));
    expect(isNamed()).toBe(true);
    await rm(join(folder, 'anna-lee.png'));
    await takeOut(1);
    if (how === 'moved') {
      await prepare();
      await experiment.move();
    } else {
      await deleteDataset({ ...lab, call: lab.executor.call, now: Date.now }, 'mine', { force: true });
    }
    await collect();
    expect((await experiment.head()).lineage).toHaveLength(1);
    expect(isNamed()).toBe(false);
  });

  test('goes with the pairs and sheets that an experiment shows it on, when the dataset is deleted by force', async () => {
    const experiment = experimentOf();
    await prepare();
    await experiment.create();
    const { dataset } = await experiment.head();
    const image = await lab.blobs.put(await draw(1), 'image/png');
    const put = async (document: Json) => (await putDocument(lab.blobs, document)).digest;
    const pair = { id: '0'.repeat(16), name: '1.png', caption: captionOf(1), signals: [], image: { ...image } };
    const sampling = samplingSchema.parse({ steps: 2 });
    const made = { v: 1, checkpoint: dataset, dataset, links: [image.digest] };
    const held_out = await put({ ...made, ...sampling, kind: 'held-out', pictures: [pair] } as Json);
    const log = (await lab.blobs.put(Buffer.from(''), 'application/jsonl')).digest;
    const head = await changeHead(lab.store, 'stale', now => ({
      ...now,
      chunks: [{ from: 0, to: 4, log, artifacts: { held_out } }],
    }));
    await writeChunkFiles({ store: lab.store, blobs: lab.blobs, name: 'stale' }, head.chunks[0] as Chunk);
    expect((await findTraces(1)).some(key => key.startsWith('experiments/stale/held-out/'))).toBe(true);
    await deleteDataset({ ...lab, call: lab.executor.call, now: Date.now }, 'mine', { force: true });
    await collect();
    expect(await findTraces(1)).toEqual([]);
    expect(await experiment.head()).toMatchObject({ dataset_deleted: true, chunks: [{ log, artifacts: {} }] });
  });

  test('an experiment of an earlier version, which knows no name of its dataset, gets it', async () => {
    const experiment = experimentOf();
    await prepare();
    await experiment.create();
    await changeHead(lab.store, 'stale', ({ dataset_name: _, ...head }) => head);
    await takeOut(1);
    expect((await prepare()).notes).toHaveLength(1);
    expect((await experiment.head()).dataset_name).toBe('mine');
  });
});
