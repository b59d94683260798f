/**
 * @file Runs gc at any moment of other work. The work ends as if undisturbed. In the end, unreachable objects are gone.
 */
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { collectGarbage, type GcReport } from '../../storage/gc/gc.ts';
import type { Lifetimes } from '../../storage/gc/lifetimes.ts';
import { walkReachable } from '../../storage/gc/reachable.ts';
import { listRoots } from '../../storage/gc/roots.ts';
import { SWEEP_KEY } from '../../storage/gc/sweep-lock.ts';
import { interceptStore, type StoreCall } from '../../storage/intercept.ts';
import { blobKey } from '../../storage/keys.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { FakeTime } from '../../storage/testing/fake-time.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { takesAll } from '../../test/whole-suite.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { createPictureLab, type PictureLab } from '../testing/pictures.ts';
import { createTrainingLab, listKeys, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { createTurns } from '../testing/turns.ts';
import { DOCUMENT_KINDS, VIEW_LAYOUTS } from './declarations.ts';

const ALL = takesAll('half of the orders in which gc and other work take turns');
/** Counted in operations of the store. Training makes fewer than half as many between using an object and naming it. */
const GRACE = 400;
/** 16 chunks of one step; all are kept. */
const CONFIG = { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, chunk_steps: 1, keep: 20 } };
const PICTURES = { dataset: 'p', source: 'portraits', size: 16, seed: 5, count: 6 };
const PRUNED = { ...CONFIG, run: { ...CONFIG.run, keep: 1 } };

/** A clock that moves with the operations of the workers. */
function createTime() {
  // Waiting for gc takes no time: a minute is short beside two days. Other waits are longer than a test.
  const time = new FakeTime({ sleepMoves: ms => (ms < 1000 ? 0 : undefined) });
  const pass = (ms = 1) => time.pass(ms);
  const lifetimes: Lifetimes = { clock: time.clock(), extendAfterMs: GRACE / 2 };
  const passWith = ({ key }: StoreCall) => pass(key === SWEEP_KEY ? 0 : 1);
  return { pass, passWith, lifetimes, store: createMemoryStore(new Map(), time.now) };
}

function gc(store: ObjectStore, lifetimes: Lifetimes): Promise<GcReport> {
  return collectGarbage(store, createBlobStore(store, lifetimes), {
    declared: { kinds: DOCUMENT_KINDS, views: VIEW_LAYOUTS },
    delete: true,
    graceMs: GRACE,
    retentionMs: 10 * GRACE,
    retentionOf: () => 0,
    now: lifetimes.clock.now,
    signal: new AbortController().signal,
  });
}

/** Leaves results and blobs of a run without a name. gc has noted them once, and their grace period is over. */
async function leaveRun({ store, lifetimes, pass }: ReturnType<typeof createTime>): Promise<void> {
  const lab = createTrainingLab(store, { lifetimes });
  await lab.create('left', CONFIG);
  await lab.executor.callEffect('train', { experiment: 'left' });
  await createRefs(store).experiments.delete('left');
  pass(GRACE);
  await gc(store, lifetimes);
  pass(GRACE);
}

async function finalCheckpoint(lab: TrainingLab): Promise<string | undefined> {
  const { value } = await readHead(lab.store, 'toy');
  expect(value.state).toBe('done');
  return value.checkpoint;
}

async function expectWhole({ store, blobs }: Pick<PictureLab, 'store' | 'blobs'>): Promise<void> {
  const isName = ({ key }: { readonly key: string }) => key.startsWith('refs/');
  const reachable = await walkReachable(blobs, listRoots(store, { select: isName }));
  expect(reachable.size).toBeGreaterThan(10);
  for (const digest of reachable.digests()) {
    expect(await store.head(blobKey(digest)), reachable.explain(digest).join(' > ')).toBeDefined();
  }
}

/** Expects that only objects that the experiment needs are left. */
async function expectClean(
  { store, lifetimes, pass }: ReturnType<typeof createTime>,
  { blobs }: Pick<PictureLab, 'blobs'>,
): Promise<void> {
  for (let call = 0; call < 3; call++) {
    pass(2 * GRACE);
    await gc(store, lifetimes);
  }
  const isName = ({ key }: { readonly key: string }) => key.startsWith('refs/');
  const reachable = await walkReachable(blobs, listRoots(store, { select: isName }));
  expect(await listKeys(store, 'cas/')).toEqual([...reachable.digests()].map(blobKey).sort());
}

/** The checkpoint that an undisturbed training ends with. */
let undisturbed: string | undefined;
beforeAll(async () => {
  const lab = createTrainingLab();
  await lab.create('toy', PRUNED);
  await lab.executor.callEffect('train', { experiment: 'toy' });
  undisturbed = await finalCheckpoint(lab);
});

test.each(ALL ? [1, 3, 10, 50] : [3, 50])(
  'training ends as undisturbed with a gc before every %i-th operation',
  async every => {
    const time = createTime();
    await leaveRun(time);
    let operations = 0;
    let swept = 0;
    const store = interceptStore(time.store, async (_, run) => {
      time.pass();
      if (++operations % every === 0) swept += (await gc(time.store, time.lifetimes)).swept.objects;
      return run();
    });
    const lab = createTrainingLab(store, { lifetimes: time.lifetimes });
    await lab.create('toy', PRUNED);
    await lab.executor.callEffect('train', { experiment: 'toy' });
    expect(operations).toBeGreaterThan(2 * GRACE);
    expect(swept).toBeGreaterThan(0);
    expect(await finalCheckpoint(lab)).toBe(undisturbed);
    const whole = createTrainingLab(time.store, { lifetimes: time.lifetimes });
    await expectWhole(whole);
    await expectClean(time, whole);
    await expectWhole(whole);
  },
  60_000,
);

test.each(ALL ? [1, 2, 3, 4, 5, 6, 7, 8] : [1, 2, 3, 4])(
  'training ends as undisturbed between the operations of gc, in order %i',
  async seed => {
    const time = createTime();
    await leaveRun(time);
    const turns = createTurns(seed, 7, time.passWith);
    const lab = createTrainingLab(turns.follow(time.store), { lifetimes: time.lifetimes });
    let done = false;
    const training = (async () => {
      await lab.create('toy', PRUNED);
      await lab.executor.callEffect('train', { experiment: 'toy' });
    })().finally(() => {
      done = true;
    });
    let swept = 0;
    const led = turns.lead(time.store);
    while (!done) swept += (await gc(led, time.lifetimes)).swept.objects;
    turns.open();
    await training;
    expect(swept).toBeGreaterThan(0);
    const whole = createTrainingLab(time.store, { lifetimes: time.lifetimes });
    expect(await finalCheckpoint(whole)).toBe(undisturbed);
    await expectWhole(whole);
    await expectClean(time, whole);
    await expectWhole(whole);
  },
  60_000,
);

/** Leaves results and columns of a deleted dataset of 16 px. gc has noted them once, and their grace period is over. */
async function leavePictures({ store, lifetimes, pass }: ReturnType<typeof createTime>): Promise<void> {
  const lab = createPictureLab({ store, lifetimes });
  await lab.executor.callEffect('prepare', PICTURES);
  await createRefs(store).datasets.delete('p');
  pass(GRACE);
  await gc(store, lifetimes);
  pass(GRACE);
}

test.each(ALL ? [1, 2, 3, 4] : [1, 2])(
  'preparing pictures ends as undisturbed between the operations of gc, in order %i',
  async seed => {
    const calm = createPictureLab();
    const expected = await calm.executor.callEffect('prepare', PICTURES);
    const time = createTime();
    await leavePictures(time);
    const turns = createTurns(seed, 2, time.passWith);
    const lab = createPictureLab({ store: turns.follow(time.store), lifetimes: time.lifetimes });
    let done = false;
    const preparing = lab.executor.callEffect('prepare', PICTURES).finally(() => {
      done = true;
    });
    const led = turns.lead(time.store);
    while (!done) await gc(led, time.lifetimes);
    turns.open();
    const { digest, originals } = z.object({ digest: z.string(), originals: z.string() }).parse(await preparing);
    expect({ digest, originals }).toEqual(z.object({ digest: z.string(), originals: z.string() }).parse(expected));
    const whole = createPictureLab({ store: time.store, lifetimes: time.lifetimes });
    await expectWhole(whole);
    await expectClean(time, whole);
    await expectWhole(whole);
  },
  60_000,
);
