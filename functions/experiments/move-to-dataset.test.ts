import { beforeEach, describe, expect, test } from 'vitest';
import type { TrainChunkJob } from '../../gpu-runner/protocol.ts';
import { putDocument, readCheckpoint, readDataset } from '../../storage/blobs/document-blobs.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import type { Digest } from '../../storage/digest.ts';
import { listRoots } from '../../storage/gc/roots.ts';
import { blobKey } from '../../storage/keys.ts';
import { acquireLease } from '../../storage/names/lease.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { branchExperiment } from '../operations/branch-experiment.ts';
import { createExperiment } from '../operations/create-experiment.ts';
import { ASKED_ENGINE, createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { changeHead, readHead } from './experiment-head.ts';

let lab: TrainingLab;
let before: Digest;
let after: Digest;
let jobs: TrainChunkJob[];

/** A lab with an experiment on the dataset `hats`, and a version of it with three pictures in place of two. */
async function openLab(run: object = {}): Promise<void> {
  lab = createTrainingLab();
  jobs = [];
  const { run: compute } = lab.runner;
  lab.runner.run = (action, job, options) => {
    if (job.kind === 'train-chunk') jobs.push(job);
    return compute(action, job, options);
  };
  before = await putToyDataset(lab.blobs);
  after = await putToyDataset(lab.blobs, { count: 3 });
  await createRefs(lab.store).datasets.create('hats', { v: 1, dataset: before });
  const config = { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, ...run } };
  await createExperiment(lab, 'toy', { config, dataset: before, engine: ASKED_ENGINE });
}

async function prepareAgain(dataset: Digest = after): Promise<void> {
  const { datasets } = createRefs(lab.store);
  const head = await datasets.read('hats');
  if (head) await datasets.compareAndSwap('hats', head.etag, { v: 1, dataset });
}

const train = (body: { target?: number; dataset?: string } = {}) =>
  lab.executor.callEffect('train', { experiment: 'toy', ...body });
const headOf = async (name = 'toy') => (await readHead(lab.store, name)).value;
const readmeOf = async () => Buffer.from((await lab.store.get('experiments/toy/README.md'))?.body ?? []).toString();

beforeEach(() => openLab());

test('a move to pictures of which few have one size says that places stay empty', async () => {
  const square = { width: 16, height: 16 };
  const wide = { width: 24, height: 16 };
  const sizes = [...Array(9).fill(square), wide];
  const plain = await readDataset(lab.blobs, await putToyDataset(lab.blobs, { sizes }));
  const buckets = [
    { ...square, pictures: 9, train: 9 },
    { ...wide, pictures: 1, train: 1 },
  ];
  const { digest } = await putDocument(lab.blobs, { ...plain, buckets });
  const { notes } = (await train({ target: 64, dataset: digest })) as { notes: { code: string; text: string }[] };
  expect(notes).toMatchObject([{ code: 'empty_places', text: expect.stringContaining('1 picture of 24 x 16') }]);
});

describe('an experiment whose dataset was prepared again', () => {
  beforeEach(async () => {
    await train({ target: 64 });
    await prepareAgain();
  });

  test('trains on the earlier one, and says so in the answer and the README', async () => {
    const answer = await train({ target: 96 });
    const [note] = (answer as { notes: { code: string; count: number; text: string }[] }).notes;
    expect(note).toMatchObject({ code: 'newer_dataset', count: 1 });
    expect(note?.text).toContain('the dataset "hats" was prepared again since');
    expect(note?.text).toContain('1 picture added (0000000000000002)');
    expect(note?.text).toContain('POST /experiments/toy/train {"dataset":"hats"}');
    expect(await readmeOf()).toContain(note?.text);
    expect((await headOf()).dataset).toBe(before);
  });

  test('says nothing when the version that it has is prepared again', async () => {
    await prepareAgain(before);
    expect(await train({ target: 96 })).not.toHaveProperty('notes');
  });

  test('moves to the newer one with its checkpoint by one call, and says from which step on', async () => {
    const answer = await train({ dataset: 'hats', target: 128 });
    expect(answer).toMatchObject({ state: 'done', step: 16, dataset: after, dataset_name: 'hats' });
    expect(answer).toMatchObject({ former_datasets: [{ dataset: before, until: 8 }] });
    expect(answer).not.toHaveProperty('notes');
    expect(jobs.map(({ from, dataset }) => [from, dataset])).toEqual([
      [0, before],
      [4, before],
      [8, after],
      [12, after],
    ]);
    expect(await readmeOf()).toContain(`| up to step 8 on | \`${before}\` |`);
  });

  test('begins an epoch of the newer one: the place in the earlier one means nothing there', async () => {
    const cursorOf = async (digest?: Digest) => digest && (await readCheckpoint(lab.blobs, digest)).cursor;
    expect(await cursorOf((await headOf()).checkpoint)).toEqual({ epoch: 0, position: 8 });
    await train({ dataset: 'hats', target: 128 });
    const [, , first, second] = jobs;
    expect(await cursorOf(first?.parent)).toEqual({ epoch: 1, position: 0 });
    // Only once: the next chunk goes on where the first one ended.
    expect(await cursorOf(second?.parent)).toEqual({ epoch: 0, position: 12 });
  });

  test('lets the earlier one go: gc does not keep it', async () => {
    await train({ dataset: 'hats' });
    const kept: Digest[] = [];
    for await (const { links } of listRoots(lab.store)) kept.push(...links.map(({ digest }) => digest));
    expect(kept).toContain(after);
    expect(kept).not.toContain(before);
  });

  test('moves when it is at its target, and takes no step', async () => {
    expect(await train({ target: 64, dataset: 'hats' })).toMatchObject({ state: 'done', step: 8, dataset: after });
    expect(jobs).toHaveLength(2);
    await train({ target: 128 });
    expect(jobs[2]).toMatchObject({ from: 8, dataset: after });
  });

  test('a call that names the dataset that it has is a call to train', async () => {
    await prepareAgain(before);
    await train({ dataset: 'hats' });
    expect(await headOf()).not.toHaveProperty('former_datasets');
  });

  test('stays where it is while it is in training', async () => {
    const lease = await acquireLease(lab.store, 'toy', { holder: 'another host', clock: SYSTEM_CLOCK });
    await expect(train({ dataset: 'hats' })).rejects.toMatchObject({
      status: 409,
      message: 'the experiment "toy" is in training (by another host)',
      hint: 'POST /experiments/toy/pause, then move it to the dataset when its chunk has ended',
    });
    await lease.release();
    await changeHead(lab.store, 'toy', head => ({ ...head, state: 'running' }));
    await expect(train({ dataset: 'hats' })).rejects.toMatchObject({ status: 409 });
    expect(await headOf()).toMatchObject({ dataset: before, state: 'running' });
  });

  test('stays where it is when the newer one does not fit its config', async () => {
    const { encoders, ...rest } = await readDataset(lab.blobs, after);
    const other = { ...rest, encoders: { ...encoders, text: { name: 'words', dim: 512, tokens: 64 } } };
    await prepareAgain((await putDocument(lab.blobs, other)).digest);
    await expect(train({ dataset: 'hats' })).rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining('"toy" cannot move to that dataset: the config is conditioned on text'),
      hint: expect.stringContaining('create another experiment'),
    });
    expect(await headOf()).toMatchObject({ dataset: before, state: 'done' });
  });

  test('and back, with no step in between, has not moved: it goes on in its epoch', async () => {
    await train({ dataset: 'hats', target: 64 });
    await train({ dataset: before, target: 64 });
    expect(await headOf()).toMatchObject({ dataset: before });
    expect(await headOf()).not.toHaveProperty('former_datasets');
    await train({ target: 96 });
    const { checkpoint } = await headOf();
    await createExperiment(lab, 'still', { config: TOY_CONFIG, dataset: before, engine: ASKED_ENGINE });
    await lab.executor.callEffect('train', { experiment: 'still', target: 96 });
    expect((await headOf('still')).checkpoint).toBe(checkpoint);
  });

  test('past a version on which it takes no step has no trace of that', async () => {
    const third = await putToyDataset(lab.blobs, { count: 4 });
    await train({ dataset: after, target: 64 });
    await train({ dataset: third, target: 96 });
    expect(await headOf()).toMatchObject({ dataset: third, former_datasets: [{ dataset: before, until: 8 }] });
    await train({ dataset: before, target: 96 });
    const former = [
      { dataset: before, until: 8 },
      { dataset: third, until: 12 },
    ];
    expect((await headOf()).former_datasets).toEqual(former);
    const branch = await branchExperiment(lab, 'toy', { name: 'early', from: 8, config: {} });
    expect(branch.head.former_datasets).toEqual(former.slice(0, 1));
  });

  test('moves a branch that was extended beyond its schedules, too', async () => {
    await branchExperiment(lab, 'toy', { name: 'long', from: 8, config: {}, target: 192 });
    await lab.executor.callEffect('train', { experiment: 'long', dataset: after, target: 72 });
    expect(await headOf('long')).toMatchObject({ dataset: after, target: 72 });
  });

  test('a PUT says in words what differs, and the call that moves it', async () => {
    const put = createExperiment(lab, 'toy', { config: TOY_CONFIG, dataset: after, engine: ASKED_ENGINE });
    await expect(put).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining('1 picture added (0000000000000002)'),
      hint: expect.stringContaining('POST /experiments/toy/train {"dataset":"hats"} moves it'),
    });
    await train({ dataset: 'hats' });
    expect(
      await createExperiment(lab, 'toy', { config: TOY_CONFIG, dataset: after, engine: ASKED_ENGINE }),
    ).toMatchObject({ created: false });
  });

  test('whose pictures were deleted gets those of the newer one', async () => {
    await changeHead(lab.store, 'toy', head => ({ ...head, dataset_deleted: true }));
    await expect(train({ target: 128 })).rejects.toMatchObject({
      status: 422,
      hint: expect.stringContaining('prepare its dataset again, and POST /experiments/toy/train {"dataset":"hats"}'),
    });
    await train({ target: 128, dataset: 'hats' });
    expect(await headOf()).toMatchObject({ state: 'done', dataset: after });
    expect(await headOf()).not.toHaveProperty('dataset_deleted');
  });
});

describe('the bits after a move', () => {
  /** Trains 8 steps, moves, and trains 8 more. */
  async function checkpointOf(run: object, targets: readonly number[] = [128]): Promise<Digest | undefined> {
    await openLab(run);
    await train({ target: 64 });
    await prepareAgain();
    for (const target of targets) await train({ target, dataset: 'hats' });
    expect((await headOf()).history.at(-1)?.step).toBe(16);
    return (await headOf()).checkpoint;
  }

  test('do not depend on the cut into chunks, nor on stops', async () => {
    const expected = await checkpointOf({});
    expect(await checkpointOf({ chunk_steps: 3 })).toBe(expected);
    expect(await checkpointOf({ chunk_steps: 1 }, [72, 96, 128])).toBe(expected);
  });

  test('are those of another run that moved at the same step, and not of one that began on the newer one', async () => {
    const moved = await checkpointOf({});
    const dataset = after;
    await createExperiment(lab, 'new', { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
    await lab.executor.callEffect('train', { experiment: 'new' });
    expect((await headOf('new')).checkpoint).not.toBe(moved);
  });

  test('a run that lost its newer checkpoints goes back before the move, and says from where the newer one counts', async () => {
    await openLab({ keep: 3 });
    await train({ target: 64 });
    await prepareAgain();
    await train({ dataset: 'hats', target: 96 });
    for (const { step, checkpoint } of (await headOf()).history) {
      if (step > 4) await lab.store.delete(blobKey(checkpoint));
    }
    await train({ target: 128 });
    expect(await headOf()).toMatchObject({ state: 'done', former_datasets: [{ dataset: before, until: 4 }] });
    expect(jobs.slice(3).map(({ from, dataset }) => [from, dataset])).toEqual([
      [4, after],
      [8, after],
      [12, after],
    ]);
  });

  test('a branch from before the move is trained on the newer one from its beginning, and found again', async () => {
    await openLab({ keep: 3 });
    await train({ target: 64 });
    const branch = (name: string) => branchExperiment(lab, 'toy', { name, from: 4, config: {} });
    await branch('early');
    await prepareAgain();
    await train({ dataset: 'hats', target: 96 });
    await branch('late');
    expect(await headOf('late')).toMatchObject({ dataset: after, former_datasets: [{ dataset: before, until: 4 }] });
    // Branched before its parent moved: it is still the same branch.
    expect(await branch('early')).toMatchObject({ created: false, head: { dataset: before } });
    expect(await branch('late')).toMatchObject({ created: false, head: { dataset: after } });
    jobs.length = 0;
    await lab.executor.callEffect('train', { experiment: 'late', target: 64 });
    const [job] = jobs;
    expect(job).toMatchObject({ from: 4, dataset: after });
    expect(job?.parent && (await readCheckpoint(lab.blobs, job.parent)).cursor).toEqual({ epoch: 1, position: 0 });
  });
});
