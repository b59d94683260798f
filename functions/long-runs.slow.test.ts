/** @file Runs so long that older chunks lie in pages: every reader, every kill and every cleaning finds them. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { putDocument, readCheckpoint } from '../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../storage/canonical.ts';
import type { Chunk } from '../storage/chunk-record.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { blobKey } from '../storage/keys.ts';
import { FakeTime, SLEEP_PASSES } from '../storage/testing/fake-time.ts';
import type { ObjectStore } from '../storage/types.ts';
import { eachChunk, findChunk, PAGE, readChunks, withChunks } from './experiments/chunk-pages.ts';
import { changeHead, readHead } from './experiments/experiment-head.ts';
import { branchExperiment } from './operations/branch-experiment.ts';
import { forgetPictures } from './operations/forget-pictures.ts';
import { pinCheckpoint } from './operations/pin-checkpoint.ts';
import { recordArtifact } from './operations/record-artifact.ts';
import { createMadeIndex } from './provenance/made-index.ts';
import { BackWalk } from './provenance/walk-back.ts';
import { expectRepeatable } from './testing/deaths.ts';
import { findExperimentFaults } from './testing/history.ts';
import { createTrainingLab, listKeys, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const BATCH = TOY_CONFIG.data.batch_size;
/** One more chunk, and the first page is made. */
const BEFORE = 2 * PAGE - 1;
/** With two pages. */
const LONG = 3 * PAGE + 4;
const PINNED = 5;
/** Chunks of one step, without previews. */
const CONFIG = {
  ...TOY_CONFIG,
  optimizer: { total_samples: (LONG + 1) * BATCH, warmup_samples: 0 },
  run: { chunk_steps: 1, keep: 2, preview: { prompts: [] } },
};

const before: MemoryObjects = new Map();
const long: MemoryObjects = new Map();
let lab: TrainingLab;

/** Its clock stands still: the records of actions have the seconds that these took. */
const openLab = (store: ObjectStore) => createTrainingLab(store, { clock: new FakeTime(SLEEP_PASSES).clock() });
const train = (at: TrainingLab, step: number) =>
  at.executor.callEffect('train', { experiment: 'toy', target: step * BATCH });
const headOf = async (at: TrainingLab, name = 'toy') => (await readHead(at.store, name)).value;
const chunksOf = async (at: TrainingLab) => readChunks(at.blobs, await headOf(at));
const stepsUpTo = (step: number) => Array.from({ length: step }, (_, i) => i + 1);

beforeAll(async () => {
  const first = openLab(createMemoryStore(before));
  await first.create('toy', CONFIG);
  await train(first, PINNED);
  await pinCheckpoint(first, 'toy', PINNED);
  await train(first, BEFORE);
  for (const [key, object] of before) long.set(key, object);
  await train(openLab(createMemoryStore(long)), LONG);
});

beforeEach(() => {
  lab = openLab(createMemoryStore(new Map(long)));
});

test('the head has the newest chunks, pages the others, and the view shows all', async () => {
  const { chunks, earlier } = await headOf(lab);
  expect([chunks.length, earlier?.pages.length]).toEqual([PAGE + 4, 2]);
  expect((await chunksOf(lab)).map(({ to }) => to)).toEqual(stepsUpTo(LONG));
  expect(await findExperimentFaults(lab.store, 'toy')).toEqual([]);
  expect(await listKeys(lab.store, 'experiments/toy/log/')).toHaveLength(LONG);
});

test('a border that makes a page, killed at any moment, ends with the same bytes when it is called again', async () => {
  const border = (at: TrainingLab) => train(at, BEFORE + 1);
  const whole = openLab(createMemoryStore(new Map(before)));
  expect((await headOf(whole)).earlier).toBeUndefined();
  await border(whole);
  expect((await headOf(whole)).earlier?.pages).toHaveLength(1);
  expect(await expectRepeatable(before, border, openLab)).toBeGreaterThan(40);
});

test('a head of an earlier version, with all chunks, is read and goes on to equal bytes', async () => {
  const chunks = await chunksOf(lab);
  const key = 'refs/experiments/toy.json';
  const { earlier: _, ...head } = await headOf(lab);
  await lab.store.put(key, Buffer.from(canonicalJson({ ...head, chunks })));
  expect(await chunksOf(lab)).toEqual(chunks);
  await train(lab, LONG + 1);
  expect(await findExperimentFaults(lab.store, 'toy')).toEqual([]);
  const other = openLab(createMemoryStore(new Map(long)));
  await train(other, LONG + 1);
  expect(await lab.store.get(key)).toMatchObject({ body: (await other.store.get(key))?.body });
});

test('damaged checkpoints send a training back to a chunk in a page, and it ends with equal bytes', async () => {
  const head = await headOf(lab);
  for (const { checkpoint } of head.history) {
    const { tensors } = await readCheckpoint(lab.blobs, checkpoint);
    for (const digest of Object.values(tensors).flat()) await lab.store.delete(blobKey(digest));
  }
  await train(lab, LONG + 1);
  const other = openLab(createMemoryStore(new Map(long)));
  await train(other, LONG + 1);
  expect(await headOf(lab)).toEqual(await headOf(other));
  expect(await findExperimentFaults(lab.store, 'toy')).toEqual([]);
});

test('gc frees no page that the head reaches, and those of a deleted experiment', async () => {
  lab = createTrainingLab(createMemoryStore(new Map(long)));
  const gc = () => lab.executor.callEffect('gc', { delete: true, alone: true, grace_seconds: 0, retention_seconds: 0 });
  await lab.store.delete('leases/experiments/toy.json');
  const chunks = await chunksOf(lab);
  for (let call = 0; call < 3; call++) await gc();
  expect(await chunksOf(lab)).toEqual(chunks);
  expect(await lab.executor.callEffect('verify', {})).toMatchObject({ ok: true, unreferenced: { count: 0 } });
  const { earlier } = await headOf(lab);
  await lab.store.delete('refs/experiments/toy.json');
  for (let call = 0; call < 3; call++) await gc();
  for (const { page } of earlier?.pages ?? []) expect(await lab.blobs.head(page)).toBeUndefined();
});

test('verify names a lost page, and the training goes on without it', async () => {
  const [lost] = (await headOf(lab)).earlier?.pages ?? [];
  await lab.store.delete(blobKey(lost!.page));
  expect(await lab.executor.callEffect('verify', {})).toMatchObject({
    ok: false,
    missing: { items: [{ digest: lost?.page, needed_by: ['refs/experiments/toy.json'] }] },
  });
  await train(lab, LONG + 1);
  expect(await headOf(lab)).toMatchObject({ state: 'done', earlier: { pages: [lost, {}] } });
});

test('a checkpoint is walked back to the first step, and a branch has the records up to its start', async () => {
  const walk = async (at: TrainingLab, name: string) => {
    const { history } = await headOf(at, name);
    const made = createMadeIndex(at.store, at.blobs);
    const back = new BackWalk(made, at.blobs);
    const action = await made.action(history.at(-1)?.result as Digest);
    if (action) await back.addAction(action);
    return back.walk.steps.map(({ action: { params } }) => params.to);
  };
  expect(await walk(lab, 'toy')).toEqual(stepsUpTo(LONG));
  await branchExperiment(lab, 'toy', { name: 'twig', from: PINNED, config: {}, target: (PINNED + 1) * BATCH });
  await lab.store.delete('refs/experiments/toy.json');
  await lab.executor.callEffect('train', { experiment: 'twig', target: (PINNED + 1) * BATCH });
  expect(await walk(lab, 'twig')).toEqual(stepsUpTo(PINNED + 1));
});

test('a document about a checkpoint in a page is kept with it, whatever is killed', async () => {
  const objects: MemoryObjects = new Map(long);
  lab = openLab(createMemoryStore(objects));
  const { digest } = await putDocument(lab.blobs, { v: 1, kind: 'remark', links: [] });
  const place = { name: 'toy', step: PINNED, artifact: 'remark', folder: 'remarks' };
  await expectRepeatable(objects, at => recordArtifact(at, place, digest), openLab);
  await recordArtifact(lab, place, digest);
  const head = await headOf(lab);
  expect((await findChunk(lab.blobs, head, PINNED))?.artifacts).toEqual({ remark: digest });
  expect(head.earlier?.summary.artifacts).toEqual({ remark: digest });
  const others = (await chunksOf(lab)).filter(({ to }) => to !== PINNED);
  expect(others.map(({ artifacts }) => artifacts)).toEqual(others.map(() => ({})));
});

test('pictures that chunks in pages show are forgotten, with a page that is lost', async () => {
  const { digest } = await putDocument(lab.blobs, { v: 1, kind: 'remark', links: [] });
  const shown: Chunk[] = (await chunksOf(lab)).map(each => ({
    ...each,
    artifacts: { held_out: digest, remark: digest },
  }));
  const [, second] =
    (await changeHead(lab.store, 'toy', now => withChunks(lab.blobs, now, shown))).earlier?.pages ?? [];
  await lab.store.delete(blobKey(second!.page));
  await forgetPictures(lab, 'toy');
  const left: Chunk[] = [];
  for await (const chunk of eachChunk(lab.blobs, await headOf(lab))) left.push(chunk);
  expect(left.map(({ to }) => to)).toEqual(stepsUpTo(LONG).filter(to => to <= PAGE || to > 2 * PAGE));
  for (const { artifacts } of left) expect(artifacts).toEqual({ remark: digest });
});
