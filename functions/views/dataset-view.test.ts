import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readTar } from '../../formats/tar.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { openFileStore } from '../../storage/drivers/file/file-store.ts';
import { interceptStore, type StoreCall } from '../../storage/intercept.ts';
import { blobKey } from '../../storage/keys.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { digestSchema } from '../../storage/records.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { readDatasetHead } from '../datasets/dataset-head.ts';
import { copyPrepared, createPictureLab, type PictureLab } from '../testing/pictures.ts';
import { listKeys } from '../testing/training.ts';
import { writeDatasetView } from './dataset-view.ts';

const PORTRAITS = { dataset: 'p', source: 'portraits', size: 32, seed: 5 } as const;
const SEVENTY = { ...PORTRAITS, count: 70 };
const FILES = ['caption.tar', 'cls.tar', 'image.tar', 'inspect.tar', 'items.jsonl', 'patches.tar', 'text.tar'];
const indexSchema = z.looseObject({
  state: z.string(),
  dataset: digestSchema,
  pages: z.array(z.object({ folder: z.string(), files: z.record(z.string(), digestSchema) })),
});

async function prepare(lab: PictureLab, count: number): Promise<Digest> {
  await lab.executor.callEffect('prepare', { ...PORTRAITS, count });
  return nameOf(lab.store);
}

async function nameOf(store: ObjectStore): Promise<Digest> {
  const head = await readDatasetHead(store, 'p');
  if (!head) throw new Error('there is no such name');
  return head.value.dataset;
}

/** Moves the name to another dataset, as PUT /datasets/p does. */
async function move(store: ObjectStore, dataset: Digest): Promise<void> {
  const { datasets } = createRefs(store);
  const head = await datasets.read('p');
  if (head) await datasets.compareAndSwap('p', head.etag, { ...head.value, dataset });
}

const write = (lab: PictureLab, store = lab.store) =>
  writeDatasetView({ store, blobs: createBlobStore(store), call: lab.executor.call }, 'p');

async function readView(store: ObjectStore): Promise<Record<string, Digest>> {
  const keys = await listKeys(store, 'datasets/');
  const bodies = await Promise.all(keys.map(key => store.get(key)));
  return Object.fromEntries(keys.map((key, i) => [key, digestOf(bodies[i]?.body ?? '')]));
}

async function readIndex(store: ObjectStore) {
  const stored = await store.get('datasets/p/index.json');
  return stored && indexSchema.parse(JSON.parse(Buffer.from(stored.body).toString()));
}

/** Expects that every file that the index names has the content that it states. */
async function expectTruth(store: ObjectStore): Promise<void> {
  const view = await readView(store);
  for (const { folder, files } of (await readIndex(store))?.pages ?? []) {
    for (const [file, digest] of Object.entries(files)) expect(view[`datasets/p/${folder}${file}`]).toBe(digest);
  }
}

function record(store: ObjectStore, calls: StoreCall[]): ObjectStore {
  return interceptStore(store, (call, run) => {
    calls.push(call);
    return run();
  });
}

/** Makes datasets of 70 and of 6 pictures. The name means the second, and its view is complete. */
async function prepareTwo(lab: PictureLab): Promise<readonly [many: Digest, few: Digest]> {
  const many = await prepare(lab, 70);
  await createRefs(lab.store).datasets.delete('p');
  return [many, await prepare(lab, 6)];
}

describe('the view of a prepared dataset', () => {
  test('a dataset view has every page as files, a report, and an index that names them', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    const digest = await prepare(lab, 70);
    const view = await readView(lab.store);
    expect(Object.keys(view)).toEqual([
      'datasets/p/README.md',
      'datasets/p/index.json',
      ...['0000', '0001'].flatMap(page => FILES.map(file => `datasets/p/pages/${page}/${file}`)),
      'datasets/p/report.html',
    ]);
    const { pages } = await lab.dataset(digest);
    for (const [i, { items, columns }] of pages.entries()) {
      const folder = `datasets/p/pages/000${i}/`;
      expect(view[`${folder}items.jsonl`]).toBe(items);
      for (const [column, blob] of Object.entries(columns)) expect(view[`${folder}${column}.tar`], column).toBe(blob);
    }
    expect(await readIndex(lab.store)).toMatchObject({ v: 1, name: 'p', state: 'complete', dataset: digest });
    await expectTruth(lab.store);
    const report = await lab.store.head('datasets/p/report.html');
    expect(report?.mediaType).toBe('text/html');
  });

  test('every tar of the view has each picture of its page once, and nothing else', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    const { pages } = await lab.dataset(await nameOf(lab.store));
    for (const [number, page] of pages.entries()) {
      const ids = (await readItems(lab.blobs, page)).map(({ id }) => id);
      for (const file of FILES.filter(name => name.endsWith('.tar'))) {
        const stored = await lab.store.get(`datasets/p/pages/000${number}/${file}`);
        // WebDataset cuts a name at its first dot.
        const keys = readTar(stored?.body ?? new Uint8Array()).map(({ name }) => name.split('.')[0]);
        expect(keys, file).toEqual(ids);
      }
    }
  });

  test('a call that changes nothing makes two reads for views, one per effect, and no write', async () => {
    const memory = await copyPrepared(SEVENTY);
    const calls: StoreCall[] = [];
    await prepare(createPictureLab({ store: record(memory, calls) }), 70);
    expect(calls.filter(({ operation }) => !['get', 'head', 'list'].includes(operation))).toEqual([]);
    // One read by import, one by prepare.
    expect(calls.filter(({ key }) => key.startsWith('datasets/')).map(({ key }) => key)).toEqual([
      'datasets/p/index.json',
      'datasets/p/index.json',
    ]);
    // One of them for the list of approvals.
    expect(calls.length).toBeLessThan(44);
  });

  test('a new page adds only its own files to the view and replaces the report', async () => {
    const memory = await copyPrepared(SEVENTY);
    const calls: StoreCall[] = [];
    await prepare(createPictureLab({ store: record(memory, calls) }), 71);
    const copied = calls.flatMap(({ operation, key }) => (operation === 'copy' ? [key] : []));
    expect(copied.sort()).toEqual([...FILES.map(file => `datasets/p/pages/0002/${file}`), 'datasets/p/report.html']);
    await expectTruth(memory);
  });

  test('the view loses the pages that its dataset no longer has', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    const [many, few] = await prepareTwo(lab);
    const small = await readView(lab.store);
    await move(lab.store, many);
    await write(lab);
    expect(Object.keys(await readView(lab.store)).length).toBe(3 + 2 * FILES.length);
    await lab.store.put('datasets/p/pages/0001/stray.tar', Buffer.from('?'));
    await move(lab.store, few);
    await write(lab);
    expect(await readView(lab.store)).toEqual(small);
  });

  test('the view of a deleted name is deleted', async () => {
    const lab = createPictureLab();
    await prepare(lab, 3);
    await createRefs(lab.store).datasets.delete('p');
    await write(lab);
    expect(await readView(lab.store)).toEqual({});
  });

  test('a fresh write repairs damaged and missing files of the view', async () => {
    const lab = createPictureLab();
    await prepare(lab, 3);
    const before = await readView(lab.store);
    await lab.store.put('datasets/p/pages/0000/image.tar', Buffer.from('spoilt'));
    await lab.store.delete('datasets/p/report.html');
    await writeDatasetView({ ...lab, call: lab.executor.call }, 'p', true);
    expect(await readView(lab.store)).toEqual(before);
  });

  test('a blob that the view misses is made again', async () => {
    const lab = createPictureLab();
    const [page] = (await lab.dataset(await prepare(lab, 3))).pages;
    const before = await readView(lab.store);
    if (!page?.columns.cls) throw new Error('there is no column');
    await lab.store.delete(blobKey(page.columns.cls));
    for (const key of Object.keys(before)) await lab.store.delete(key);
    await prepare(lab, 3);
    expect(await readView(lab.store)).toEqual(before);
  });
});

describe('a view on its way from one dataset to another', () => {
  test('the index of a killed view names only whole files, and the next call completes the view', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    const [many, few] = await prepareTwo(lab);
    await move(lab.store, many);
    await write(lab);
    const expected = await readView(lab.store);
    for (let operations = 0, killed = true; killed; operations++) {
      await move(lab.store, few);
      await write(lab);
      await move(lab.store, many);
      let left = operations;
      const dying = interceptStore(lab.store, async ({ operation }, run) => {
        if (!['get', 'head', 'list'].includes(operation) && left-- <= 0) throw new Error('killed');
        return run();
      });
      killed = await write(lab, dying).then(
        () => false,
        () => true,
      );
      await expectTruth(lab.store);
      await write(lab);
      expect(await readView(lab.store), `killed after ${operations} writes`).toEqual(expected);
    }
  });

  test('the view follows a name that moves while it is written', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    const [many, few] = await prepareTwo(lab);
    const expected = await readView(lab.store);
    await move(lab.store, many);
    let moved = false;
    const store = interceptStore(lab.store, async (call, run) => {
      if (call.key === 'datasets/p/pages/0001/text.tar' && !moved) {
        moved = true;
        await move(lab.store, few);
        await write(lab);
      }
      return run();
    });
    await write(lab, store);
    expect(moved).toBe(true);
    expect(await readView(lab.store)).toEqual(expected);
  });

  test('several calls may write the view at once', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    const [many] = await prepareTwo(lab);
    await move(lab.store, many);
    await Promise.all([1, 2, 3].map(() => write(lab)));
    await expectTruth(lab.store);
    expect(await readIndex(lab.store)).toMatchObject({ state: 'complete', dataset: many });
  });
});

describe('the view in a folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'easel-view-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('pages in a folder are hard links to the blobs: they take no space', async () => {
    const store = await openFileStore(folder);
    const lab = createPictureLab({ store });
    const [page] = (await lab.dataset(await prepare(lab, 3))).pages;
    const inode = async (key: string) => (await stat(join(folder, key))).ino;
    const named = { items: page?.items, ...page?.columns };
    expect(Object.keys(named).length).toBe(FILES.length);
    for (const [column, digest] of Object.entries(named)) {
      if (!digest) throw new Error(`there is no ${column}`);
      const file = `datasets/p/pages/0000/${column === 'items' ? 'items.jsonl' : `${column}.tar`}`;
      expect(await inode(file), file).toBe(await inode(blobKey(digest)));
    }
    await store.close();
  });
});
