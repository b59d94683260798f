import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { digestOf, parseDigest } from '../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { interceptStore } from '../storage/intercept.ts';
import { actionKey, blobKey } from '../storage/keys.ts';
import { createRefs } from '../storage/names/refs.ts';
import type { ObjectStore } from '../storage/types.ts';
import { readHead } from './experiments/experiment-head.ts';
import { createPictureLab, type PictureLab } from './testing/pictures.ts';
import { createTrainingLab, listKeys, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const listOf = <T extends z.ZodType>(item: T) => z.strictObject({ total: z.int(), items: z.array(item) });
const gone = z.looseObject({
  digest: z.string(),
  needed_by: z.array(z.string()),
  made_again_by: z.string().nullable(),
});
const answerSchema = z.looseObject({
  ok: z.boolean(),
  blobs: z.strictObject({ count: z.int(), bytes: z.int() }),
  documents: z.int(),
  unreferenced: z.strictObject({ count: z.int(), bytes: z.int() }),
  damaged: listOf(gone),
  missing: listOf(gone),
  stale: listOf(gone),
  unreadable: listOf(z.strictObject({ what: z.string(), reason: z.string() })),
  foreign: listOf(z.string()),
  repairs: z
    .strictObject({
      deleted: z.strictObject({ blobs: z.int(), documents: z.int() }),
      restored: z.int(),
      lost: listOf(z.strictObject({ digest: z.string(), reason: z.string() })),
    })
    .optional(),
  views: z
    .strictObject({
      rebuilt: z.int(),
      deleted: listOf(z.string()),
      failed: listOf(z.looseObject({ view: z.string() })),
    })
    .optional(),
});
const SOUND = { ok: true, damaged: { total: 0 }, missing: { total: 0 }, stale: { total: 0 }, unreadable: { total: 0 } };

async function verify(lab: Pick<TrainingLab, 'executor'>, body: Readonly<Record<string, boolean>> = {}) {
  return answerSchema.parse(await lab.executor.callEffect('verify', body));
}

async function spoil(store: ObjectStore, key: string): Promise<void> {
  const stored = await store.get(key);
  if (!stored) throw new Error(`there is no ${key}`);
  const body = new Uint8Array(stored.body);
  body[body.length >> 1] = (body[body.length >> 1] ?? 0) ^ 1;
  await store.put(key, body, { mediaType: stored.mediaType ?? '' });
}

async function readAll(store: ObjectStore, prefix: string): Promise<Record<string, string>> {
  const keys = await listKeys(store, prefix);
  const bodies = await Promise.all(keys.map(key => store.get(key)));
  return Object.fromEntries(keys.map((key, i) => [key, digestOf(bodies[i]?.body ?? '')]));
}

/** Of all experiments, as {@link readAll}. The small records of chunks have the seconds that actions took. */
async function readTimeless(store: ObjectStore): Promise<Record<string, unknown>> {
  const index = 'experiments/toy/index.json';
  const shown = JSON.parse(Buffer.from((await store.get(index))?.body ?? []).toString());
  const chunks = shown.chunks.map(({ record: _, ...chunk }: { readonly record: string }) => chunk);
  return { ...(await readAll(store, 'experiments/')), [index]: { ...shown, chunks } };
}

describe('a prepared dataset', () => {
  let objects: MemoryObjects;
  let lab: PictureLab;
  const prepare = () =>
    lab.executor.callEffect('prepare', { dataset: 'p', source: 'portraits', size: 32, seed: 5, count: 70 });
  const before: MemoryObjects = new Map();
  beforeAll(async () => {
    lab = createPictureLab({ store: createMemoryStore(before) });
    await prepare();
  });
  beforeEach(() => {
    objects = new Map(before);
    lab = createPictureLab({ store: createMemoryStore(objects) });
  });
  async function pageOf(number: number) {
    const head = await createRefs(lab.store).datasets.read('p');
    if (!head) throw new Error('there is no dataset');
    const page = (await lab.dataset(head.value.dataset)).pages[number];
    if (!page?.columns.image) throw new Error('there is no such page');
    return { dataset: head.value.dataset, items: page.items, image: page.columns.image };
  }

  test('is sound', async () => {
    const answer = await verify(lab);
    expect(answer).toMatchObject(SOUND);
    const blobs = (await listKeys(lab.store, 'cas/')).length;
    expect(answer.blobs.count).toBe(blobs);
    expect(answer.blobs.bytes).toBe(
      [...objects.values()].reduce((n, { key, size }) => n + (key.startsWith('cas/') ? size : 0), 0),
    );
    expect(answer.documents).toBeGreaterThan(20);
    expect(answer.unreferenced.count).toBe(0);
  });

  test('with bytes that nobody needs, and strange keys, is sound and says so', async () => {
    await lab.blobs.put(Buffer.from('nobody'));
    await lab.store.put('cas/notes.txt', Buffer.from('?'));
    expect(await verify(lab)).toMatchObject({
      ...SOUND,
      unreferenced: { count: 1, bytes: 6 },
      foreign: { total: 1, items: ['cas/notes.txt'] },
    });
  });

  test('with a flipped bit: told, who needs it and who makes it; repaired, it is whole again', async () => {
    const { dataset, image } = await pageOf(1);
    await spoil(lab.store, blobKey(image));
    const told = await verify(lab);
    expect(told).toMatchObject({ ok: false, damaged: { total: 1 }, missing: { total: 0 }, unreadable: { total: 0 } });
    expect(told.damaged.items[0]).toMatchObject({
      digest: image,
      needed_by: ['refs/datasets/p.json', dataset],
      made_again_by: expect.stringMatching(/^bucket sha256:/),
    });
    await expect(lab.blobs.get(image)).rejects.toThrow(/damaged/);
    const repairs = { deleted: { blobs: 1, documents: 0 }, restored: 1, lost: { total: 0 } };
    expect(await verify(lab, { repair: true })).toMatchObject({ ok: false, damaged: { total: 1 }, repairs });
    expect(await verify(lab)).toMatchObject(SOUND);
    expect(digestOf(await lab.blobs.get(image))).toBe(image);
  });

  test('with a lost blob of any kind is made whole', async () => {
    const { dataset, items, image } = await pageOf(0);
    const [item] = await lab.items(dataset);
    const original = item?.original;
    if (typeof original !== 'object') throw new Error('the original lies in no archive');
    for (const digest of [dataset, items, image, original.archive]) {
      await lab.store.delete(blobKey(digest));
      const { missing, repairs } = await verify(lab, { repair: true });
      expect(missing.items.map(each => each.digest)).toEqual([digest]);
      expect(repairs).toMatchObject({ restored: 1, lost: { total: 0 } });
      expect(await verify(lab)).toMatchObject(SOUND);
    }
  });

  test('with a lost blob that no function made says that it is lost', async () => {
    const { digest } = await lab.blobs.put(Buffer.from('a dataset of somebody else'));
    await createRefs(lab.store).datasets.create('other', { v: 1, dataset: digest });
    await lab.store.delete(blobKey(digest));
    const { missing, repairs } = await verify(lab, { repair: true });
    expect(missing.items).toEqual([{ digest, needed_by: ['refs/datasets/other.json'], made_again_by: null }]);
    expect(repairs).toMatchObject({ restored: 0, lost: { total: 1, items: [{ digest }] } });
  });

  test('of which a blob is lost that only results name is sound: it is computed again', async () => {
    await createRefs(lab.store).datasets.delete('p');
    const [action] = await listKeys(lab.store, 'actions/report/');
    const result = JSON.parse(Buffer.from((await lab.store.get(action ?? ''))?.body ?? []).toString());
    const html = parseDigest(result.outputs.html.digest);
    await lab.store.delete(blobKey(html));
    const answer = await verify(lab);
    expect(answer).toMatchObject({ ok: true, missing: { total: 0 }, stale: { total: 1 } });
    expect(answer.stale.items[0]).toMatchObject({ digest: html, needed_by: [action] });
  });

  test('with unreadable documents: results and runs go when it is repaired, names never', async () => {
    const [one = '', two = ''] = await listKeys(lab.store, 'actions/bucket/');
    const stranger = actionKey('bucket', digestOf('another action'));
    await lab.store.put(stranger, (await lab.store.get(two))?.body ?? new Uint8Array());
    await spoil(lab.store, 'refs/datasets/p.json');
    await lab.store.put(one, Buffer.from('{"v":1'));
    await lab.store.put('leases/experiments/x.json', Buffer.from('{"v":9}'));
    await lab.store.put('runs/aa/1/state.json', Buffer.from('{}'));
    const bad = ['refs/datasets/p.json', one, stranger, 'leases/experiments/x.json', 'runs/aa/1/state.json'];
    const told = await verify(lab, { repair: true });
    expect(told.unreadable.items.map(each => each.what).sort()).toEqual(bad.sort());
    expect(told.repairs?.deleted).toEqual({ blobs: 0, documents: 4 });
    expect((await verify(lab)).unreadable.items.map(each => each.what)).toEqual(['refs/datasets/p.json']);
  });

  test('whose document is of another version is told as unreadable, and left', async () => {
    const odd = Buffer.from(JSON.stringify({ v: 1, kind: 'dataset', pages: 'none', links: [] }));
    const { digest } = await lab.blobs.put(odd, 'application/json');
    const { datasets } = createRefs(lab.store);
    await datasets.create('odd', { v: 1, dataset: digest });
    const { unreadable, ok } = await verify(lab, { repair: true });
    expect(ok).toBe(false);
    expect(unreadable.items).toMatchObject([{ what: digest, reason: expect.stringContaining('pages') }]);
    expect(await lab.blobs.head(digest)).toBeDefined();
  });

  test('shows a hundred of many, and counts all', async () => {
    const lost = Array.from({ length: 150 }, (_, i) => digestOf(`lost ${i}`));
    const document = Buffer.from(JSON.stringify({ v: 1, kind: 'dataset', links: lost }));
    const { digest } = await lab.blobs.put(document, 'application/json');
    await createRefs(lab.store).datasets.create('holey', { v: 1, dataset: digest });
    const { missing } = await verify(lab);
    expect(missing.total).toBe(150);
    expect(missing.items.length).toBe(100);
  });
});

describe('views', () => {
  test('are rebuilt from the names alone, byte for byte; those of names that are gone go', async () => {
    const store = createMemoryStore();
    const pictures = createPictureLab({ store });
    await pictures.executor.callEffect('prepare', { dataset: 'p', source: 'portraits', size: 32, count: 3 });
    const lab = createTrainingLab(store);
    await lab.create('toy');
    await lab.executor.callEffect('train', { experiment: 'toy' });
    const [experiments, datasets] = [await readAll(store, 'experiments/'), await readAll(store, 'datasets/')];
    expect(Object.keys(experiments).length).toBeGreaterThan(15);
    for (const key of [...Object.keys(experiments), ...Object.keys(datasets)]) await store.delete(key);
    await store.put('experiments/gone/index.json', Buffer.from('{}'));
    await store.put('datasets/gone-too/pages/0000/items.jsonl', Buffer.from('{}'));

    const answer = await verify(pictures, { rebuild_views: true });
    expect(answer).toMatchObject({ ok: true, views: { rebuilt: 2, failed: { total: 0 } } });
    expect(answer.views?.deleted.items.sort()).toEqual(['datasets/gone-too/', 'experiments/gone/']);
    expect(await readAll(store, 'experiments/')).toEqual(experiments);
    expect(await readAll(store, 'datasets/')).toEqual(datasets);

    await spoil(store, 'experiments/toy/log/0000000-0000004.jsonl');
    await spoil(store, 'datasets/p/pages/0000/image.tar');
    await spoil(store, 'datasets/p/README.md');
    await verify(pictures, { rebuild_views: true });
    expect(await readAll(store, 'experiments/')).toEqual(experiments);
    expect(await readAll(store, 'datasets/')).toEqual(datasets);
  });

  test('one that lacks a blob does not keep the others from being rebuilt', async () => {
    const lab = createTrainingLab();
    await lab.create('one');
    await lab.create('two');
    await lab.executor.callEffect('train', { experiment: 'one' });
    const { log } = (await readHead(lab.store, 'one')).value.chunks[0] ?? {};
    if (!log) throw new Error('there is no chunk');
    const before = await readAll(lab.store, 'experiments/two/');
    for (const key of await listKeys(lab.store, 'experiments/two/')) await lab.store.delete(key);
    await lab.store.delete(blobKey(log));
    const answer = await verify(lab, { rebuild_views: true });
    expect(answer).toMatchObject({ ok: false, missing: { total: 1 }, views: { rebuilt: 1 } });
    expect(answer.views?.failed.items).toMatchObject([
      { view: 'experiments/one/', reason: expect.stringContaining(log) },
    ]);
    expect(await readAll(lab.store, 'experiments/two/')).toEqual(before);
  });
});

describe('beside a training that prunes', () => {
  test('does not miss what was written after it had listed the blobs, and pruned after it had followed the names', async () => {
    const memory = createMemoryStore();
    const trainer = createTrainingLab(memory);
    await trainer.create('toy');
    const train = (target: number) => trainer.executor.callEffect('train', { experiment: 'toy', target });
    const targets = new Map([
      ['get refs/experiments/toy.json', 64],
      ['head cas/', 128],
    ]);
    let trained: Promise<unknown> = Promise.resolve();
    const store = interceptStore(memory, async ({ operation, key }, run) => {
      const call = [...targets].find(([start]) => `${operation} ${key}`.startsWith(start));
      if (call && targets.delete(call[0])) trained = train(call[1]);
      await trained;
      return run();
    });
    expect(await verify(createTrainingLab(store))).toMatchObject(SOUND);
    expect(targets.size).toBe(0);
  });

  test('finds nothing wrong, however often it looks, and spoils nothing', async () => {
    const undisturbed = createTrainingLab();
    await undisturbed.create('toy', LONG);
    await undisturbed.executor.callEffect('train', { experiment: 'toy' });
    const memory = createMemoryStore();
    // Each operation takes a turn of its own, so that the two meet at every point.
    const store = interceptStore(memory, async (_, run) => {
      await sleep(0);
      return run();
    });
    const lab = createTrainingLab(store);
    await lab.create('toy', LONG);
    const training = lab.executor.callEffect('train', { experiment: 'toy' });
    let ended = false;
    void training.then(() => {
      ended = true;
    });
    let looks = 0;
    for (; !ended; looks++) {
      const body = [{}, { rebuild_views: true }, { repair: true }][looks % 3] ?? {};
      expect(await verify(createTrainingLab(store), body), `look ${looks}`).toMatchObject(SOUND);
    }
    await training;
    expect(looks).toBeGreaterThan(3);
    await verify(lab, { rebuild_views: true });
    const shown = await Promise.all([memory, undisturbed.store].map(readTimeless));
    expect(shown[0]).toEqual(shown[1]);
  });
});

/** 32 chunks of which two checkpoints stay. */
const LONG = {
  ...TOY_CONFIG,
  optimizer: { total_samples: 256, warmup_samples: 0 },
  run: { ...TOY_CONFIG.run, chunk_steps: 1 },
};

test('is stopped where it stands, and starts again', async () => {
  const lab = createTrainingLab();
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy' });
  const before = await readAll(lab.store, '');
  const stop = new AbortController();
  const phases: string[] = [];
  const stopped = lab.executor.callEffect(
    'verify',
    {},
    {
      signal: stop.signal,
      onEvent({ phase }) {
        phases.push(phase);
        if (phase === 'hash') stop.abort();
      },
    },
  );
  await expect(stopped).rejects.toMatchObject({ code: 'cancelled' });
  expect(new Set(phases)).toEqual(new Set(['list', 'walk', 'hash']));
  expect(await readAll(lab.store, '')).toEqual(before);
  expect(await verify(lab)).toMatchObject(SOUND);
});
