import { describe, expect, test } from 'vitest';
import { Corrupt } from '../../errors.ts';
import { createActionCache } from '../action-cache.ts';
import { createBlobStore } from '../blobs/cas.ts';
import { canonicalJson, type Json } from '../canonical.ts';
import { type Digest, digestOf } from '../digest.ts';
import { STORED_KINDS } from '../document-kinds.ts';
import { createMemoryStore } from '../drivers/memory.ts';
import { interceptStore } from '../intercept.ts';
import { blobKey } from '../keys.ts';
import { createRefs } from '../names/refs.ts';
import type { Dataset, Result } from '../records.ts';
import type { ObjectStore } from '../types.ts';
import { walkReachable } from './reachable.ts';
import { listRoots } from './roots.ts';

function createWalk(store: ObjectStore = createMemoryStore()) {
  const blobs = createBlobStore(store);
  return {
    store,
    blobs,
    refs: createRefs(store),
    cache: createActionCache(store),
    text: async (text: string) => (await blobs.put(Buffer.from(text), 'text/plain')).digest,
    document: async (value: Json, mediaType = 'application/json') =>
      (await blobs.put(Buffer.from(canonicalJson(value)), mediaType)).digest,
    walk: () => walkReachable(blobs, listRoots(store), { kinds: STORED_KINDS }),
  };
}

function makeDataset(pages: Dataset['pages'], more: readonly Digest[] = []): Dataset {
  const links = [...pages.flatMap(page => [page.items, ...Object.values(page.columns)]), ...more];
  return { v: 1, kind: 'dataset', pages, removed: [], encoders: {}, counts: {}, rejects: [], links };
}

function makeResult(outputs: Result['outputs'], links: readonly Digest[] = [], salt = ''): Result {
  const action = { v: 1, function: 'pack', version: 1, params: {}, inputs: { from: digestOf('input') }, salt } as const;
  return { v: 1, action, outputs, links: [...links], stats: {} };
}

describe('a walk', () => {
  test('a walk finds the blobs that a name leads to, and the path to each', async () => {
    const { text, document, refs, walk } = createWalk();
    const [items, image, archive, stray] = await Promise.all(['items', 'image', 'archive', 'stray'].map(text));
    if (!items || !image || !archive || !stray) throw new Error('nothing was put');
    const dataset = await document(makeDataset([{ items, columns: { image } }], [archive]));
    await refs.datasets.create('faces', { v: 1, dataset });
    const reachable = await walk();
    expect([...reachable.digests()].sort()).toEqual([dataset, items, image, archive].sort());
    expect(reachable.has(stray)).toBe(false);
    expect(reachable.explain(image)).toEqual(['refs/datasets/faces.json', dataset, image]);
  });

  test('a walk finds kept checkpoints, previews and logs of an experiment, and no superseded checkpoint', async () => {
    const { text, document, refs, walk } = createWalk();
    const [config, log, picture, tensor, old] = await Promise.all(['config', 'log', 'png', 'tensor', 'old'].map(text));
    if (!config || !log || !picture || !tensor || !old) throw new Error('nothing was put');
    const checkpoint = await document({ v: 1, kind: 'checkpoint', links: [config, tensor] });
    const gone = await document({ v: 1, kind: 'checkpoint', links: [config, old] });
    const pinned = await document({ v: 1, kind: 'checkpoint', step: 1, links: [config] });
    const first = await document({ v: 1, kind: 'checkpoint', step: 0, links: [config] });
    const previews = await document({ v: 1, kind: 'previews', links: [picture] });
    const dataset = await document(makeDataset([]));
    await refs.experiments.create('run', {
      v: 2,
      checkpoint,
      config,
      dataset,
      engine: { name: 'reference', precision: 'f32', threads: 1 },
      plan: { micro_batch: 1, gradient_checkpointing: false },
      target: 1,
      state: 'paused',
      history: [{ step: 2, checkpoint, result: digestOf('an action') }],
      chunks: [{ from: 0, to: 2, log, artifacts: { preview: previews } }],
      superseded: [{ step: 1, checkpoint: gone, result: digestOf('another action') }],
      pinned: [{ step: 1, checkpoint: pinned, result: digestOf('a third action') }],
      branched_from: { experiment: 'other', step: 0, checkpoint: first, result: digestOf('a fourth action') },
    });
    const expected = [config, log, picture, tensor, checkpoint, pinned, first, previews, dataset];
    expect([...(await walk()).digests()].sort()).toEqual(expected.sort());
  });

  test('a walk finds outputs and links of results, and what those link, but no inputs', async () => {
    const { text, document, blobs, cache, walk } = createWalk();
    const deep = await text('deep');
    const inner = await document({ v: 1, links: [deep] });
    const outer = await document({ v: 1, links: [inner] });
    const other = await text('other');
    const ref = await blobs.head(outer);
    if (!ref) throw new Error('nothing was put');
    await cache.create(makeResult({ document: ref }, [other]));
    expect([...(await walk()).digests()].sort()).toEqual([deep, inner, outer, other].sort());
  });

  test('a walk finds the blobs that running calls name, and none of leases', async () => {
    const { text, store, walk } = createWalk();
    const [needed, done] = [await text('needed'), await text('done')];
    const put = (key: string, value: Json) => store.put(key, Buffer.from(JSON.stringify(value)));
    const run = (state: string, digest: Digest): Json => ({
      v: 1,
      action: digestOf('a'),
      function: 'prepare',
      state,
      resolved: { tar: digest },
      updated_at: '2026-01-01T00:00:00Z',
      links: [],
    });
    await put('runs/aa/1/state.json', run('running', needed));
    await put('runs/bb/1/state.json', run('done', done));
    await store.put('runs/bb/1/events.jsonl', Buffer.from('{}\n'));
    await put('leases/experiments/x.json', { v: 1, holder: 'h', expires_at: '2026-01-01T00:00:00Z' });
    expect([...(await walk()).digests()].sort()).toEqual([needed]);
  });

  test('a walk reads documents whose media type was lost, and no blob that only looks like one', async () => {
    const { text, document, blobs, cache, walk } = createWalk();
    const [child, stranger] = [await text('child'), await text('stranger')];
    const untyped = await document({ v: 1, links: [child] }, 'application/octet-stream');
    const lines = await text(`{"links":["${stranger}"]}\n{"links":[]}\n`);
    const bytes = (await blobs.put(Buffer.from(`{ but no JSON ${stranger}`))).digest;
    await cache.create(makeResult({}, [untyped, lines, bytes]));
    expect([...(await walk()).digests()].sort()).toEqual([child, untyped, lines, bytes].sort());
  });
});

test('a walk can go on from an earlier one', async () => {
  const { text, document, blobs, store, cache } = createWalk();
  const first = await text('first');
  await cache.create(makeResult({}, [first], 'one'));
  const before = await walkReachable(blobs, listRoots(store));
  const child = await text('child');
  await cache.create(makeResult({}, [await document({ v: 1, links: [child] })], 'two'));
  const roots = listRoots(store, { select: ({ key }) => key.startsWith('actions/') });
  const after = await walkReachable(blobs, roots, { from: before });
  expect(after.has(child)).toBe(true);
  expect(after.has(first)).toBe(true);
});

test('a walk neither reads nor looks up pages', async () => {
  const calls = { get: 0, head: 0 };
  const memory = createMemoryStore();
  const counted = interceptStore(memory, async ({ operation, key }, run) => {
    if (key.startsWith('cas/') && (operation === 'get' || operation === 'head')) calls[operation]++;
    return run();
  });
  const { text, document, refs, blobs, cache } = createWalk(memory);
  const pages = await Promise.all(
    Array.from({ length: 300 }, async (_, i) => ({
      items: await text(`items ${i}`),
      columns: { image: await text(`image ${i}`), caption: await text(`caption ${i}`) },
    })),
  );
  const made = makeDataset(pages);
  const dataset = await document(made);
  await refs.datasets.create('many', { v: 1, dataset });
  const ref = await blobs.head(dataset);
  if (!ref) throw new Error('nothing was put');
  await cache.create(makeResult({ dataset: ref }, made.links));
  const reachable = await walkReachable(createBlobStore(counted), listRoots(counted), { kinds: STORED_KINDS });
  expect(reachable.size).toBe(901);
  expect(calls).toEqual({ get: 1, head: 0 });
});

describe('faults', () => {
  test('a damaged document stops the walk, unless a callback takes it', async () => {
    const { document, store, blobs, refs, walk } = createWalk();
    const dataset = await document(makeDataset([]));
    await refs.datasets.create('d', { v: 1, dataset });
    await store.put(blobKey(dataset), Buffer.from('{}'));
    await expect(walk()).rejects.toThrow(Corrupt);
    const unreadable: Digest[] = [];
    const onUnreadable = (digest: Digest) => void unreadable.push(digest);
    const reachable = await walkReachable(blobs, listRoots(store), { onUnreadable });
    expect(unreadable).toEqual([dataset]);
    expect(reachable.has(dataset)).toBe(true);
  });

  test('a missing document is reported and stays needed', async () => {
    const { store, blobs, refs } = createWalk();
    const dataset = digestOf('never stored');
    await refs.datasets.create('d', { v: 1, dataset });
    const missing: Digest[] = [];
    const reachable = await walkReachable(blobs, listRoots(store), { onMissing: digest => void missing.push(digest) });
    expect(missing).toEqual([dataset]);
    expect(reachable.has(dataset)).toBe(true);
  });

  test('a root that is unreadable or of an unknown kind stops the walk, unless a callback takes it', async () => {
    const { store, walk } = createWalk();
    await store.put('refs/datasets/broken.json', Buffer.from('{"v":2}'));
    await expect(walk()).rejects.toThrow(Corrupt);
    await store.delete('refs/datasets/broken.json');
    await store.put('refs/poems/x.json', Buffer.from('{"v":1}'));
    await expect(walk()).rejects.toThrow(/of an unknown kind/);
    const keys: string[] = [];
    for await (const _ of listRoots(store, { onUnreadable: key => void keys.push(key) })) throw new Error('no root');
    expect(keys).toEqual(['refs/poems/x.json']);
  });
});
