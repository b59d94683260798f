import { setImmediate } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { Conflict, Corrupt } from '../../errors.ts';
import { createActionCache } from '../action-cache.ts';
import { createBlobStore } from '../blobs/cas.ts';
import { putDocument } from '../blobs/document-blobs.ts';
import { canonicalDigest, type Json } from '../canonical.ts';
import { type Digest, digestOf } from '../digest.ts';
import { STORED_KINDS } from '../document-kinds.ts';
import type { MemoryObjects } from '../drivers/memory.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { interceptStore, type StoreCall } from '../intercept.ts';
import { actionKey, blobKey } from '../keys.ts';
import { listAll } from '../list-all.ts';
import { createRefs } from '../names/refs.ts';
import type { Result } from '../records.ts';
import { FakeTime, SLEEP_PASSES } from '../testing/fake-time.ts';
import { collectGarbage, type GcOptions, type GcReport } from './gc.ts';
import { acquireSweep } from './sweep-lock.ts';

const GRACE_MS = 1000;
const RETENTION_MS = 10_000;
const VIEWS = {
  experiments: { files: ['README.md'], folders: ['log'] },
  datasets: { files: ['index.json'], folders: ['pages'] },
};

/** A store with a clock of its own; results of `sample` are retained. */
function createSite(objects: MemoryObjects = new Map(), time = new FakeTime(SLEEP_PASSES)) {
  const lifetimes = { clock: time.clock(), extendAfterMs: GRACE_MS / 2 };
  const store = createMemoryStore(objects, time.now);
  const blobs = createBlobStore(store, lifetimes);
  const cache = createActionCache(store, lifetimes);
  const refs = createRefs(store);
  const text = async (value: string) => (await blobs.put(Buffer.from(value), 'application/x-tar')).digest;
  const document = async (value: Json) => (await putDocument(blobs, value)).digest;
  return {
    time,
    objects,
    store,
    blobs,
    cache,
    refs,
    text,
    document,
    has: async (digest: Digest) => (await store.head(blobKey(digest))) !== undefined,
    async dataset(...texts: string[]): Promise<Digest> {
      const links = await Promise.all(texts.map(text));
      return document({ v: 1, kind: 'dataset', links });
    },
    /** Stores a result of `fn` that names a blob and links others. */
    async result(fn: string, output: Digest, links: readonly Digest[] = []): Promise<string> {
      const ref = await blobs.head(output);
      if (!ref) throw new Error('no such output');
      const action: Result['action'] = { v: 1, function: fn, version: 1, params: { output }, inputs: {} };
      await cache.create({ v: 1, action, outputs: { it: ref }, links: [...links], stats: {} });
      return actionKey(fn, canonicalDigest(action));
    },
    gc: (options: Partial<GcOptions> = {}, through = store): Promise<GcReport> =>
      collectGarbage(through, createBlobStore(through, lifetimes), {
        declared: { kinds: STORED_KINDS, views: VIEWS },
        delete: true,
        graceMs: GRACE_MS,
        retentionMs: RETENTION_MS,
        retentionOf: name => (name === 'sample' ? RETENTION_MS : 0),
        now: time.now,
        signal: new AbortController().signal,
        ...options,
      }),
    async keys(prefix = ''): Promise<string[]> {
      const keys: string[] = [];
      for await (const { key } of listAll(store, prefix)) keys.push(key);
      return keys;
    },
  };
}

type Site = ReturnType<typeof createSite>;

/** The first call notes garbage, the second deletes it. */
async function collectTwice(site: Site): Promise<GcReport> {
  await site.gc();
  site.time.pass(GRACE_MS);
  return site.gc();
}

describe('garbage', () => {
  test('garbage is deleted by the second call, a grace period after the first', async () => {
    const site = createSite();
    const needed = await site.dataset('a', 'b');
    await site.refs.datasets.create('letters', { v: 1, dataset: needed });
    const stray = await site.dataset('b', 'c');
    expect(await site.gc()).toMatchObject({
      marked: { objects: 3 },
      garbage: { objects: 2 },
      due: { objects: 0 },
      swept: { objects: 0 },
      nextDueAt: site.time.now() + GRACE_MS,
    });
    site.time.pass(GRACE_MS - 1);
    expect((await site.gc()).swept.objects).toBe(0);
    site.time.pass(1);
    const report = await site.gc();
    expect(report).toMatchObject({ garbage: { objects: 2 }, due: { objects: 2 }, swept: { objects: 2 } });
    expect(report.kinds).toMatchObject({ documents: { swept: { objects: 1 } }, pictures: { swept: { objects: 1 } } });
    expect(report.oldestRoot?.key).toBe('refs/datasets/letters.json');
    expect(await site.has(stray)).toBe(false);
    expect(await site.has(digestOf('c'))).toBe(false);
    for (const digest of [needed, digestOf('a'), digestOf('b')]) expect(await site.has(digest)).toBe(true);
  });

  test('a dry run reports garbage and writes nothing', async () => {
    const site = createSite();
    await site.text('stray');
    const before = new Map(site.objects);
    const report = await site.gc({ delete: false });
    expect(report).toMatchObject({ garbage: { objects: 1, bytes: 5 }, due: { objects: 0 }, swept: { objects: 0 } });
    expect(report.nextDueAt).toBeUndefined();
    expect(site.objects).toEqual(before);
    await site.gc();
    site.time.pass(GRACE_MS);
    expect(await site.gc({ delete: false })).toMatchObject({ due: { objects: 1 }, swept: { objects: 0 } });
    expect(await site.has(digestOf('stray'))).toBe(true);
  });

  test('gc leaves nothing of its own but its lock', async () => {
    const site = createSite();
    await site.text('stray');
    await collectTwice(site);
    expect(await site.keys()).toEqual(['gc/sweep.json']);
  });

  test('a result is deleted, unless all blobs that it names are needed or its function is retained', async () => {
    const site = createSite();
    const dataset = await site.dataset('column');
    await site.refs.datasets.create('letters', { v: 1, dataset });
    const used = await site.result('bucket', digestOf('column'));
    const whole = await site.result('assemble', dataset, [digestOf('column')]);
    await site.result('bucket', await site.text('old column'));
    await site.result('bucket', dataset, [await site.text('another')]);
    const sampled = await site.result('sample', await site.text('picture'));
    site.time.pass(GRACE_MS);
    await collectTwice(site);
    expect(await site.keys('actions/')).toEqual([used, whole, sampled].sort());
    expect(await site.has(digestOf('picture'))).toBe(true);
    expect(await site.has(digestOf('old column'))).toBe(false);
    site.time.pass(RETENTION_MS);
    await collectTwice(site);
    expect(await site.has(digestOf('picture'))).toBe(false);
  });

  test('views and leases of deleted names, old runs and leftovers of the probe are deleted', async () => {
    const site = createSite();
    const dataset = await site.dataset();
    await site.refs.datasets.create('letters', { v: 1, dataset });
    const lease = { v: 1, holder: 'h', expires_at: new Date(site.time.now()).toISOString() };
    const put = (key: string) => site.store.put(key, Buffer.from(JSON.stringify(lease)));
    for (const name of ['letters', 'gone']) await put(`datasets/${name}/pages/0000/image.tar`);
    await put('experiments/gone/README.md');
    await put('leases/experiments/gone.json');
    await put('runs/aa/1/state.json').then(() => put('runs/aa/1/events.jsonl'));
    await put('probe/1/single');
    await put('my-own/file.txt');
    await put('datasets/gone/holidays/me.jpg');
    site.time.pass(GRACE_MS);
    const first = await collectTwice(site);
    expect(first.kinds).toMatchObject({
      views: { swept: { objects: 2 } },
      leases: { swept: { objects: 1 } },
      probes: { swept: { objects: 1 } },
    });
    expect(await site.keys('runs/')).toHaveLength(2);
    site.time.pass(RETENTION_MS);
    expect((await collectTwice(site)).kinds.runs?.swept.objects).toBe(2);
    expect((await site.keys()).filter(key => !key.startsWith('cas/'))).toEqual([
      'datasets/gone/holidays/me.jpg',
      'datasets/letters/pages/0000/image.tar',
      'gc/sweep.json',
      'my-own/file.txt',
      'refs/datasets/letters.json',
    ]);
  });
});

describe('objects in use', () => {
  /** A dataset that is old garbage, noted and due. */
  async function createDue(...texts: string[]): Promise<{ site: Site; dataset: Digest }> {
    const site = createSite();
    const dataset = await site.dataset(...texts);
    await site.gc();
    site.time.pass(GRACE_MS);
    return { site, dataset };
  }

  test('a blob that was written again stays', async () => {
    const { site } = await createDue('a', 'b');
    await site.text('a');
    await site.gc();
    expect(await site.has(digestOf('a'))).toBe(true);
    expect(await site.has(digestOf('b'))).toBe(false);
  });

  test('a blob that was kept stays, with all blobs that it links', async () => {
    const { site, dataset } = await createDue('a', 'b');
    await site.blobs.keep(dataset);
    expect((await site.gc()).swept.objects).toBe(0);
    site.time.pass(2 * GRACE_MS);
    await collectTwice(site);
    expect(await site.keys('cas/')).toEqual([]);
  });

  test('a blob stays when it gets a name, or when a result that names it is used', async () => {
    const { site, dataset } = await createDue('a');
    await site.refs.datasets.create('letters', { v: 1, dataset });
    const output = await site.text('output');
    const key = await site.result('bucket', output);
    site.time.pass(2 * GRACE_MS);
    await site.gc();
    site.time.pass(GRACE_MS);
    await site.cache.keep(
      'bucket',
      canonicalDigest(JSON.parse(Buffer.from(site.objects.get(key)?.body ?? []).toString()).action),
    );
    expect((await site.gc()).swept.objects).toBe(0);
    expect(await site.has(output)).toBe(true);
    expect(await site.has(digestOf('a'))).toBe(true);
  });

  test('a blob stays while a document that stays links it', async () => {
    const { site } = await createDue('a');
    // Stored after the note and not used since. When it was stored, "a" was young.
    const later = await site.document({ v: 1, links: [digestOf('a')] });
    site.time.pass(GRACE_MS);
    await site.gc();
    expect(await site.has(digestOf('a'))).toBe(true);
    site.time.pass(GRACE_MS);
    await site.gc();
    expect(await site.has(later)).toBe(false);
  });

  test('a blob stays while a running call names it, and goes when the call has ended or its server died', async () => {
    const { site, dataset } = await createDue('a');
    const state = (state: string): Json => ({
      v: 1,
      action: digestOf('run'),
      function: 'sample',
      state,
      resolved: { dataset },
      updated_at: new Date(site.time.now()).toISOString(),
      links: [],
    });
    const put = (value: Json) => site.store.put('runs/aa/1/state.json', Buffer.from(JSON.stringify(value)));
    await put(state('running'));
    expect((await site.gc()).swept.objects).toBe(0);
    site.time.pass(GRACE_MS);
    await collectTwice(site);
    expect(await site.has(dataset)).toBe(false);
  });

  /** Each use returns whether the dataset was reported to exist. */
  const uses: [string, (site: Site, dataset: Digest) => Promise<boolean>][] = [
    ['kept', async (site, dataset) => (await site.blobs.keep(dataset)) !== undefined],
    ['written again', async (site, dataset) => (await site.dataset('a', 'b')) === dataset],
    [
      'kept and named',
      async (site, dataset) => {
        if (!(await site.blobs.keep(dataset))) return false;
        await site.refs.datasets.create('letters', { v: 1, dataset });
        return true;
      },
    ],
    [
      'found in the cache',
      async (site, dataset) => {
        const [key = ''] = await site.keys('actions/');
        const found = await site.cache.keep('bucket', `sha256:${key.slice(-69, -5)}` as Digest);
        return found !== undefined && (await site.has(dataset));
      },
    ],
  ];
  test.each(uses)('a dataset %s at any moment of a deleting gc exists, or is reported as gone', async (_, use) => {
    const told: boolean[] = [];
    for (let moment = 1; ; moment++) {
      const site = createSite();
      const dataset = await site.dataset('a', 'b');
      await site.result('bucket', dataset);
      await site.gc();
      site.time.pass(GRACE_MS);
      let calls = 0;
      let used: Promise<boolean> | undefined;
      const store = interceptStore(site.store, async (_call, run) => {
        // The use may have to wait for this gc.
        if (++calls === moment) used = use(site, dataset);
        const result = await run();
        await setImmediate();
        return result;
      });
      await site.gc({}, store);
      if (used === undefined) break;
      const toldSo = await used;
      told.push(toldSo);
      const there = await Promise.all([dataset, digestOf('a'), digestOf('b')].map(site.has));
      if (toldSo) expect(there, `moment ${moment}`).toEqual([true, true, true]);
    }
    expect(told.length).toBeGreaterThan(20);
    expect(told).toContain(true);
  });
});

describe('gc', () => {
  test('gc stops when it cannot read a needed document', async () => {
    const site = createSite();
    const dataset = await site.dataset('a');
    await site.refs.datasets.create('letters', { v: 1, dataset });
    await site.store.put(blobKey(dataset), Buffer.from('{"v":1,"kind":"dataset","links":[]}'));
    await expect(site.gc()).rejects.toThrow(Corrupt);
    await site.store.put('refs/datasets/letters.json', Buffer.from('{"v":2}'));
    await expect(site.gc()).rejects.toThrow(Corrupt);
  });

  test('gc reports missing documents', async () => {
    const site = createSite();
    await site.refs.datasets.create('letters', { v: 1, dataset: digestOf('nowhere') });
    expect((await site.gc()).missing).toEqual([digestOf('nowhere')]);
  });

  test('gc deletes damaged garbage', async () => {
    const site = createSite();
    const dataset = await site.dataset('a');
    await site.store.put(blobKey(dataset), Buffer.from('{}'));
    await collectTwice(site);
    expect(await site.keys('cas/')).toEqual([]);
  });

  test('gc does not delete beside another gc', async () => {
    const site = createSite();
    await site.text('a');
    await site.gc();
    site.time.pass(GRACE_MS);
    await acquireSweep(site.store, site.time.now);
    await expect(site.gc()).rejects.toThrow(Conflict);
    expect(await site.has(digestOf('a'))).toBe(true);
  });

  test('gc looks again for needed objects when deleting takes long', async () => {
    const site = createSite();
    for (let i = 0; i < 100; i++) await site.text(`stray ${i}`);
    await site.gc();
    site.time.pass(GRACE_MS);
    const ages: number[] = [];
    let announcedAt = 0;
    const store = interceptStore(site.store, async ({ operation, key }, run) => {
      if (operation === 'put' && key === 'gc/sweep.json') announcedAt = site.time.now();
      if (operation === 'delete' && key.startsWith('cas/')) {
        ages.push(site.time.now() - announcedAt);
        site.time.pass(1000);
      }
      return run();
    });
    expect((await site.gc({}, store)).swept.objects).toBe(100);
    expect(Math.max(...ages)).toBeGreaterThan(15_000);
    expect(Math.max(...ages)).toBeLessThan(20_000);
  });

  test('gc does not delete when its clock differs from the clock of the store', async () => {
    const site = createSite();
    await site.text('a');
    await site.gc();
    await expect(site.gc({ now: () => site.time.now() + 3_600_000 })).rejects.toThrow(/differ by 3600 s/);
    expect(await site.has(digestOf('a'))).toBe(true);
  });

  test('gc killed at any access to the store goes on when it is called again', async () => {
    const build = async () => {
      const site = createSite();
      await site.refs.datasets.create('letters', { v: 1, dataset: await site.dataset('a', 'b') });
      await site.result('bucket', await site.dataset('b', 'c'), [digestOf('c')]);
      await site.document({ v: 1, links: [await site.dataset('d')] });
      await site.store.put('datasets/gone/index.json', Buffer.from('{}'));
      await site.gc();
      site.time.pass(GRACE_MS);
      return site;
    };
    const expected = await build().then(async site => {
      await site.gc();
      return (await site.keys()).filter(key => !key.startsWith('gc/'));
    });
    expect(expected).toHaveLength(4);
    let kills = 0;
    for (let lifetime = 1; ; lifetime++) {
      const site = await build();
      const died = await site.gc({}, dieAt(site, lifetime)).then(
        () => false,
        () => true,
      );
      for (const key of await site.keys('cas/')) await checkLinks(site, key);
      // The lock of a dead gc expires after a minute.
      site.time.pass(60_000);
      await site.gc();
      site.time.pass(GRACE_MS);
      await site.gc();
      expect((await site.keys()).filter(key => !key.startsWith('gc/'))).toEqual(expected);
      if (!died) break;
      kills++;
    }
    expect(kills).toBeGreaterThan(40);
  });
});

/** A store that fails from its n-th operation on, as if the process was killed before it. */
function dieAt(site: Site, n: number) {
  let calls = 0;
  return interceptStore(site.store, async (_: StoreCall, run) => {
    if (++calls >= n) throw new Error('killed');
    return run();
  });
}

/** Checks that a stored document links no deleted blob. */
async function checkLinks(site: Site, key: string): Promise<void> {
  const body = Buffer.from((await site.store.get(key))?.body ?? []).toString();
  if (!body.startsWith('{')) return;
  for (const link of JSON.parse(body).links ?? []) expect(await site.has(link), `${key} links ${link}`).toBe(true);
}
