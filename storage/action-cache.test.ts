import { beforeEach, describe, expect, it } from 'vitest';
import { Ambiguous, Corrupt } from '../errors.ts';
import { type ActionCache, createActionCache, hasOutputs } from './action-cache.ts';
import { createBlobStore } from './blobs/cas.ts';
import { canonicalDigest } from './canonical.ts';
import { digestOf } from './digest.ts';
import { createMemoryStore } from './drivers/memory.ts';
import { actionKey, blobKey } from './keys.ts';
import type { Action, Result } from './records.ts';
import type { Etag, ObjectStore } from './types.ts';

const action: Action = {
  v: 1,
  function: 'caption',
  version: 1,
  params: { size: 64 },
  inputs: { page: digestOf('page') },
};
const digest = canonicalDigest(action);
const key = actionKey('caption', digest);
const resultOf = (host: string): Result => ({
  v: 1,
  action,
  outputs: { column: { digest: digestOf('column'), size: 6, media_type: 'application/x-tar' } },
  links: [digestOf('nested')],
  stats: { host },
});

describe('action cache', () => {
  let store: ObjectStore;
  let cache: ActionCache;
  beforeEach(() => {
    store = createMemoryStore();
    cache = createActionCache(store);
  });

  it('stores a result under actions/<function>/<hex>.json and reads it back', async () => {
    expect(await cache.get('caption', digest)).toBeUndefined();
    const { winner, won } = await cache.create(resultOf('a'));
    expect(won).toBe(true);
    expect(await cache.get('caption', digest)).toEqual(winner);
    expect(winner.result).toEqual(resultOf('a'));
    expect((await store.list('')).objects.map(object => object.key)).toEqual([key]);
    expect(await cache.get('bucket', digest)).toBeUndefined();
  });

  it('keeps the first of many results, and gives it to the other writers', async () => {
    const hosts = Array.from({ length: 40 }, (_, i) => `host ${i}`);
    const outcomes = await Promise.all(hosts.map(host => cache.create(resultOf(host))));
    expect(outcomes.filter(outcome => outcome.won)).toHaveLength(1);
    expect(new Set(outcomes.map(outcome => outcome.winner.result.stats.host)).size).toBe(1);
  });

  it('replaces a version only once', async () => {
    const { winner } = await cache.create(resultOf('stale'));
    const outcomes = await Promise.all(['b', 'c'].map(host => cache.replace(resultOf(host), winner.etag)));
    expect(outcomes.filter(outcome => outcome.won)).toHaveLength(1);
    const stands = (await cache.get('caption', digest))?.result.stats.host;
    for (const outcome of outcomes) expect(outcome.winner.result.stats.host).toBe(stands);
    expect(['b', 'c']).toContain(stands);
  });

  it('creates a result that was deleted during its replacement', async () => {
    const { winner } = await cache.create(resultOf('a'));
    await store.delete(key);
    expect(await cache.replace(resultOf('b'), winner.etag)).toMatchObject({ won: true });
    expect((await cache.get('caption', digest))?.result.stats.host).toBe('b');
  });

  it('settles a write whose answer was lost', async () => {
    const memory = createMemoryStore();
    /** The first answer of each instance is lost. */
    const losing = (commits: boolean): ObjectStore => {
      let lost = false;
      const put: ObjectStore['put'] = async (...args) => {
        if (lost) return memory.put(...args);
        lost = true;
        if (commits) await memory.put(...args);
        throw new Ambiguous('the connection broke');
      };
      return { ...memory, put };
    };
    expect(await createActionCache(losing(true)).create(resultOf('a'))).toMatchObject({ won: true });
    const other = await createActionCache(losing(false)).create(resultOf('b'));
    expect(other).toMatchObject({ won: false, winner: { result: { stats: { host: 'a' } } } });
    const stale = other.winner.etag;
    expect(await createActionCache(losing(true)).replace(resultOf('c'), stale)).toMatchObject({ won: true });
    const old = await createActionCache(losing(false)).replace(resultOf('d'), 'older' as Etag);
    expect(old).toMatchObject({ won: false, winner: { result: { stats: { host: 'c' } } } });
    expect(await createActionCache(losing(false)).replace(resultOf('e'), old.winner.etag)).toMatchObject({ won: true });
    await memory.delete(key);
    expect(await createActionCache(losing(false)).create(resultOf('f'))).toMatchObject({ won: true });
  });

  it('refuses unknown versions, damaged results, and the result of another action', async () => {
    const put = (text: string) => store.put(key, Buffer.from(text));
    const read = () => cache.get('caption', digest);
    await put(JSON.stringify({ ...resultOf('a'), v: 7 }));
    await expect(read()).rejects.toThrow(`"${key}" cannot be read: unknown version 7`);
    await put('{"v":1,"act');
    await expect(read()).rejects.toBeInstanceOf(Corrupt);
    await put(JSON.stringify({ ...resultOf('a'), more: 1 }));
    await expect(read()).rejects.toBeInstanceOf(Corrupt);
    await put(JSON.stringify({ ...resultOf('a'), action: { ...action, params: { size: 32 } } }));
    await expect(read()).rejects.toThrow('another action');
  });

  it('reads a result under the digest of its action, whose engine still has the plan of a training', async () => {
    const engine = { name: 'reference', precision: 'f32', threads: 1, micro_batch: 4, gradient_checkpointing: true };
    const former = { ...resultOf('a'), action: { ...action, function: 'train-chunk', engine } };
    const digest = canonicalDigest(former.action);
    await store.put(actionKey('train-chunk', digest), Buffer.from(JSON.stringify(former)));
    expect((await cache.get('train-chunk', digest))?.result).toEqual(former);
  });

  it('tells whether all direct outputs exist', async () => {
    const blobs = createBlobStore(store);
    expect(await hasOutputs(blobs, resultOf('a'))).toBe(false);
    await blobs.put(Buffer.from('column'));
    expect(await hasOutputs(blobs, resultOf('a'))).toBe(true);
    await store.delete(blobKey(digestOf('column')));
    expect(await hasOutputs(blobs, resultOf('a'))).toBe(false);
  });
});
