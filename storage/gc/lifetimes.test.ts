import { describe, expect, test } from 'vitest';
import { Conflict } from '../../errors.ts';
import { createActionCache } from '../action-cache.ts';
import { createBlobStore } from '../blobs/cas.ts';
import { canonicalDigest } from '../canonical.ts';
import { digestOf } from '../digest.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { interceptStore, type StoreCall } from '../intercept.ts';
import { actionKey, blobKey } from '../keys.ts';
import type { Result } from '../records.ts';
import { FakeTime, SLEEP_PASSES } from '../testing/fake-time.ts';
import type { ObjectStore } from '../types.ts';
import { acquireSweep, SWEEP_KEY } from './sweep-lock.ts';

const EXTEND_AFTER_MS = 1000;
const BYTES = Buffer.from('hello');
const DIGEST = digestOf(BYTES);
const KEY = blobKey(DIGEST);
const ACTION: Result['action'] = { v: 1, function: 'echo', version: 1, params: {}, inputs: {} };
const RESULT: Result = { v: 1, action: ACTION, outputs: {}, links: [], stats: {} };

function createSite() {
  const time = new FakeTime(SLEEP_PASSES);
  const lifetimes = { clock: time.clock(), extendAfterMs: EXTEND_AFTER_MS };
  const memory = createMemoryStore(new Map(), time.now);
  const calls: string[] = [];
  let before: (call: StoreCall) => Promise<void> = async () => {};
  const store: ObjectStore = interceptStore(memory, async (call, run) => {
    await before(call);
    calls.push(`${call.operation} ${call.key.split('/')[0]}`);
    return run();
  });
  return {
    time,
    memory,
    store,
    calls,
    blobs: createBlobStore(store, lifetimes),
    cache: createActionCache(store, lifetimes),
    ageOf: async (key: string) => time.now() - ((await memory.head(key))?.lastModified.getTime() ?? Number.NaN),
    /** Runs `act` before the next such call. */
    once(operation: StoreCall['operation'], key: string, act: () => Promise<void>) {
      before = async call => {
        if (call.operation !== operation || call.key !== key) return;
        before = async () => {};
        await act();
      };
    },
  };
}

describe('a stored blob', () => {
  test('a put of a young blob writes nothing, a put of an old blob writes it again', async () => {
    const { blobs, time, calls, ageOf } = createSite();
    await blobs.put(BYTES, 'text/plain');
    time.pass(EXTEND_AFTER_MS - 1);
    calls.length = 0;
    await blobs.put(BYTES, 'text/plain');
    expect(calls).toEqual(['head cas']);
    time.pass(1);
    await blobs.put(BYTES, 'text/plain');
    expect(await ageOf(KEY)).toBe(0);
  });

  test('keep extends an old blob by its digest and preserves its media type', async () => {
    const { blobs, time, calls, ageOf } = createSite();
    const ref = await blobs.put(BYTES, 'text/plain');
    time.pass(EXTEND_AFTER_MS - 1);
    calls.length = 0;
    expect(await blobs.keep(DIGEST)).toEqual(ref);
    expect(calls).toEqual(['head cas']);
    time.pass(1);
    expect(await blobs.keep(DIGEST)).toEqual(ref);
    expect(await ageOf(KEY)).toBe(0);
    expect(await blobs.head(DIGEST)).toEqual(ref);
    expect(await blobs.keep(digestOf('absent'))).toBeUndefined();
  });

  test('keep does not restore a blob that was deleted meanwhile', async () => {
    const { blobs, time, memory, once } = createSite();
    await blobs.put(BYTES);
    time.pass(EXTEND_AFTER_MS);
    once('put', KEY, () => memory.delete(KEY));
    expect(await blobs.keep(DIGEST)).toBeUndefined();
    expect(await memory.head(KEY)).toBeUndefined();
  });
});

describe('beside a deleting gc', () => {
  /** Makes a gc that deletes `key` when another call begins to wait for it. */
  async function sweepWhenWaitedFor(site: ReturnType<typeof createSite>, key: string): Promise<void> {
    const lock = await acquireSweep(site.memory, site.time.now);
    await lock.announce();
    site.once('get', SWEEP_KEY, async () => {
      site.once('get', SWEEP_KEY, async () => {
        await site.memory.delete(key);
        await lock.announce();
      });
    });
  }

  test('a blob exists when its put returns', async () => {
    const site = createSite();
    await site.blobs.put(BYTES);
    site.time.pass(EXTEND_AFTER_MS);
    await sweepWhenWaitedFor(site, KEY);
    await site.blobs.put(BYTES);
    expect(await site.memory.head(KEY)).toBeDefined();
  });

  test('keep reports a blob that gc deleted meanwhile as gone', async () => {
    const site = createSite();
    await site.blobs.put(BYTES);
    site.time.pass(EXTEND_AFTER_MS);
    await sweepWhenWaitedFor(site, KEY);
    expect(await site.blobs.keep(DIGEST)).toBeUndefined();
  });

  test('keep reports a result that gc deleted meanwhile as gone', async () => {
    const site = createSite();
    await site.cache.create(RESULT);
    site.time.pass(EXTEND_AFTER_MS);
    await sweepWhenWaitedFor(site, actionKey('echo', canonicalDigest(ACTION)));
    expect(await site.cache.keep('echo', canonicalDigest(ACTION))).toBeUndefined();
  });

  test('young objects are used without a look at the lock of gc', async () => {
    const site = createSite();
    await acquireSweep(site.memory, site.time.now);
    await site.blobs.put(BYTES);
    await site.cache.create(RESULT);
    site.calls.length = 0;
    await site.blobs.put(BYTES);
    await site.blobs.keep(DIGEST);
    await site.cache.keep('echo', canonicalDigest(ACTION));
    expect(site.calls).toEqual(['head cas', 'head cas', 'get actions']);
  });

  test('a gc that died delays other calls for a minute at most', async () => {
    const { blobs, time, memory, ageOf } = createSite();
    await blobs.put(BYTES);
    const lock = await acquireSweep(memory, time.now);
    await lock.announce();
    time.pass(EXTEND_AFTER_MS);
    const startedAt = time.now();
    await blobs.put(BYTES);
    expect(time.now() - startedAt).toBeLessThanOrEqual(60_000);
    expect(await ageOf(KEY)).toBeLessThanOrEqual(60_000);
    const next = await acquireSweep(memory, time.now);
    await expect(lock.announce()).rejects.toThrow(Conflict);
    await next.announce();
  });
});

test('keep writes an old result again, as the same version', async () => {
  const { cache, time, ageOf } = createSite();
  const action = canonicalDigest(ACTION);
  const { winner } = await cache.create(RESULT);
  time.pass(EXTEND_AFTER_MS - 1);
  expect(await cache.keep('echo', action)).toEqual(winner);
  expect(await ageOf(actionKey('echo', action))).toBe(EXTEND_AFTER_MS - 1);
  time.pass(1);
  expect(await cache.keep('echo', action)).toEqual(winner);
  expect(await ageOf(actionKey('echo', action))).toBe(0);
  expect(await cache.keep('echo', digestOf('another'))).toBeUndefined();
});

test('two gcs do not delete at once', async () => {
  const { memory, time } = createSite();
  const lock = await acquireSweep(memory, time.now);
  await expect(acquireSweep(memory, time.now)).rejects.toThrow(Conflict);
  await lock.release();
  await (await acquireSweep(memory, time.now)).announce();
});
