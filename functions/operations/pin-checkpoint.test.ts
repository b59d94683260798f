import { beforeEach, describe, expect, test } from 'vitest';
import { NotFound } from '../../errors.ts';
import { readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { GRACE_MS } from '../../storage/gc/lifetimes.ts';
import { blobKey } from '../../storage/keys.ts';
import { FakeTime, SLEEP_PASSES } from '../../storage/testing/fake-time.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { isComplete } from '../experiments/kept-checkpoints.ts';
import { findExperimentFaults } from '../testing/history.ts';
import { createTrainingLab, ENGINE, listKeys, type TrainingLab } from '../testing/training.ts';
import { pinCheckpoint, unpinCheckpoint } from './pin-checkpoint.ts';

let lab: TrainingLab;

/** Trained to step 8, with the checkpoints of steps 4 and 8. */
beforeEach(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
  await trainTo(8);
});

const trainTo = (step: number, of = lab) => of.executor.callEffect('train', { experiment: 'toy', target: 8 * step });
const headOf = async (name = 'toy') => (await readHead(lab.store, name)).value;

async function checkpointAt(step: number): Promise<Digest> {
  const kept = (await headOf()).history.find(each => each.step === step);
  if (!kept) throw new Error(`no checkpoint of step ${step}`);
  return kept.checkpoint;
}

describe('a pinned checkpoint', () => {
  test('stays with its file while the training goes on, and is found by its step', async () => {
    const pinned = await checkpointAt(4);
    await pinCheckpoint(lab, 'toy', 4);
    await trainTo(16);
    const { history, superseded } = await headOf();
    expect([history.map(({ step }) => step), superseded]).toEqual([[12, 16], []]);
    expect(await isComplete(lab.blobs, pinned)).toBe(true);
    expect(await listKeys(lab.store, 'experiments/toy/checkpoints/')).toEqual(
      ['0000004', '0000012', '0000016'].map(step => `experiments/toy/checkpoints/step${step}.json`),
    );
    const body = { checkpoint: 'toy@4', prompts: ['a red hat'], steps: 2, engine: ENGINE };
    expect((await lab.executor.call('sample', body)).result.action.inputs.checkpoint).toBe(pinned);
    expect(await findExperimentFaults(lab.store, 'toy')).toEqual([]);
  });

  test('changes nothing of the training', async () => {
    await pinCheckpoint(lab, 'toy', 4);
    await trainTo(16);
    const other = createTrainingLab();
    await other.create('toy');
    await trainTo(16, other);
    expect((await headOf()).checkpoint).toBe((await readHead(other.store, 'toy')).value.checkpoint);
  });

  test('is the newest, when none is named', async () => {
    const { head } = await pinCheckpoint(lab, 'toy', 'latest');
    expect(head.pinned).toMatchObject([{ step: 8 }]);
    expect((await pinCheckpoint(lab, 'toy', await checkpointAt(4))).head.pinned).toMatchObject([
      { step: 4 },
      { step: 8 },
    ]);
  });

  test('is pinned once, however often it is asked for', async () => {
    const { head } = await pinCheckpoint(lab, 'toy', 4);
    const before = await readHead(lab.store, 'toy');
    expect((await pinCheckpoint(lab, 'toy', 4)).head).toEqual(head);
    expect(await readHead(lab.store, 'toy')).toEqual(before);
  });

  test('outlasts an equal experiment that supersedes it', async () => {
    await lab.create('twin');
    await lab.executor.callEffect('train', { experiment: 'twin', target: 64 });
    const pinned = await checkpointAt(4);
    await pinCheckpoint(lab, 'toy', 4);
    await trainTo(16);
    await lab.executor.callEffect('train', { experiment: 'twin', target: 128 });
    expect((await headOf('twin')).superseded).toEqual([]);
    expect(await isComplete(lab.blobs, pinned)).toBe(true);
  });

  test('is where the training goes on when all later ones are lost', async () => {
    await pinCheckpoint(lab, 'toy', 4);
    await trainTo(12);
    for (const step of [8, 12]) await lab.store.delete(blobKey(await checkpointAt(step)));
    // Another server: its runner remembers nothing.
    const next = createTrainingLab(lab.store);
    await trainTo(16, next);
    expect(next.runner.computed.find(job => job !== 'sample')).toBe('train 4-8');
    const whole = createTrainingLab();
    await whole.create('toy');
    await trainTo(16, whole);
    expect((await headOf()).checkpoint).toBe((await readHead(whole.store, 'toy')).value.checkpoint);
    expect(await findExperimentFaults(lab.store, 'toy')).toEqual([]);
  });

  test('is refused unless it is kept whole, with the steps that are', async () => {
    await expect(pinCheckpoint(lab, 'toy', 5)).rejects.toMatchObject({
      status: 404,
      expected: expect.stringMatching('4, 8'),
    });
    const unknown = (await headOf()).config;
    await expect(pinCheckpoint(lab, 'toy', unknown)).rejects.toMatchObject({ expected: expect.stringMatching('4, 8') });
    const checkpoint = await checkpointAt(4);
    const [lost] = (await readCheckpoint(lab.blobs, checkpoint)).tensors.ema;
    if (lost) await lab.store.delete(blobKey(lost));
    await expect(pinCheckpoint(lab, 'toy', 4)).rejects.toMatchObject({
      code: 'blob_missing',
      details: { digest: lost },
    });
    await expect(pinCheckpoint(lab, 'nobody', 4)).rejects.toThrow(NotFound);
    expect((await headOf()).pinned).toEqual([]);
  });

  test('that was due in gc stays when gc runs', async () => {
    const time = new FakeTime(SLEEP_PASSES);
    const lifetimes = { clock: time.clock(), extendAfterMs: GRACE_MS / 2 };
    const aged = createTrainingLab(createMemoryStore(new Map(), time.now), { lifetimes });
    await aged.create('toy');
    await trainTo(8, aged);
    const [first] = (await readHead(aged.store, 'toy')).value.history;
    await pinCheckpoint(aged, 'toy', 4);
    await trainTo(16, aged);
    for (let call = 0; call < 3; call++) {
      time.pass(2 * GRACE_MS);
      await aged.executor.callEffect('gc', { delete: true });
    }
    expect(first && (await isComplete(aged.blobs, first.checkpoint))).toBe(true);
    expect(await aged.executor.callEffect('verify', {})).toMatchObject({ ok: true });
    await unpinCheckpoint(aged, 'toy', 4);
    for (let call = 0; call < 3; call++) {
      time.pass(2 * GRACE_MS);
      await aged.executor.callEffect('gc', { delete: true });
    }
    expect(first && (await aged.blobs.head(first.checkpoint))).toBeUndefined();
    expect(await aged.executor.callEffect('verify', {})).toMatchObject({ ok: true });
  });
});

describe('an unpinned checkpoint', () => {
  test('goes with the next training, its file at once', async () => {
    const pinned = await checkpointAt(4);
    await pinCheckpoint(lab, 'toy', 4);
    await trainTo(16);
    await unpinCheckpoint(lab, 'toy', 4);
    expect(await findExperimentFaults(lab.store, 'toy')).toEqual([]);
    expect(await isComplete(lab.blobs, pinned)).toBe(true);
    await lab.executor.callEffect('train', { experiment: 'toy' });
    expect(await lab.blobs.head(pinned)).toBeUndefined();
    expect((await headOf()).superseded).toEqual([]);
  });

  test('of the history stays there', async () => {
    await pinCheckpoint(lab, 'toy', 8);
    const { head } = await unpinCheckpoint(lab, 'toy', 8);
    expect([head.pinned, head.superseded]).toEqual([[], []]);
    expect(await findExperimentFaults(lab.store, 'toy')).toEqual([]);
    const before = await readHead(lab.store, 'toy');
    await unpinCheckpoint(lab, 'toy', 8);
    expect(await readHead(lab.store, 'toy')).toEqual(before);
  });
});

test('a pinned checkpoint takes the place of one checkpoint, however long the training is', async () => {
  const countTensors = async () => {
    const stored = await Promise.all((await listKeys(lab.store, 'cas/')).map(key => lab.store.get(key)));
    return stored.filter(blob => /^(model|optimizer|ema) sha256/.test(Buffer.from(blob?.body ?? []).toString())).length;
  };
  await pinCheckpoint(lab, 'toy', 4);
  for (const steps of [16, 64]) {
    await trainTo(steps);
    // The newest, the one before it, and the pinned one: three groups each.
    expect(await countTensors()).toBe(9);
  }
});
