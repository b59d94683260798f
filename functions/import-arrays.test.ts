import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { memberName, SIGNAL_NAMES } from '../configs/signals.ts';
import { fromF16Bits } from '../formats/half.ts';
import { decodeNpy } from '../formats/npy.ts';
import { packTar, readTar } from '../formats/tar.ts';
import { readColumn } from '../formats/webdataset.ts';
import type { Digest } from '../storage/digest.ts';
import { blobKey } from '../storage/keys.ts';
import { createRefs } from '../storage/names/refs.ts';
import { digestSchema } from '../storage/records.ts';
import { putSmallDataset } from './shards/testing/small-dataset.ts';
import { createPictureLab, type PictureLab } from './testing/pictures.ts';
import { listKeys } from './testing/training.ts';

const preparedSchema = z.looseObject({
  digest: digestSchema,
  originals: digestSchema,
  counts: z.record(z.string(), z.int()),
  rejects: z.array(z.object({ name: z.string(), reason: z.string() })),
  notes: z.array(z.object({ code: z.string(), count: z.int() })),
});

let folder = '';
let lab: PictureLab;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'easel-arrays-')));
  lab = createPictureLab({ importRoots: [folder] });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function put(name: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(folder, name)), { recursive: true });
  await writeFile(join(folder, name), bytes);
}

const prepare = async (body: object = {}) =>
  preparedSchema.parse(await lab.executor.callEffect('prepare', { dataset: 'arrays', folder, ...body }));
const original = async () => readTar(await readFile(new URL('./import/testdata/original-shard.tar', import.meta.url)));
const bodyOf = async (name: string) => (await original()).find(entry => entry.name === name)?.body ?? new Uint8Array();

/** The members of a column, by name of the picture. */
async function readByName(digest: Digest, column: 'image' | 'text' | 'cls' | 'patches' | 'pose') {
  const { pages } = await lab.dataset(digest);
  const items = await lab.items(digest);
  const columns = await Promise.all(
    pages.map(async page => readColumn(await lab.blobs.get(page.columns[column] as Digest))),
  );
  const all = new Map(columns.flatMap(members => [...members]));
  return new Map(items.map(({ id, name }) => [name, decodeNpy(all.get(memberName(column, id)) ?? new Uint8Array())]));
}

/** 1,024 px of the original are 64 x 48 here. */
const SIZE = { size: 64, quantum: 16, buckets: [{ width: 64, height: 48 }] };

test('shards that Easel made are read back without loss: the columns have the same digests', async () => {
  const before = preparedSchema.parse(
    await lab.executor.callEffect('prepare', { dataset: 'drawn', source: 'portraits', count: 70, size: 16, seed: 2 }),
  );
  await lab.executor.callEffect('shard', { dataset: 'drawn', max_samples: 20 });
  for (const key of await listKeys(lab.store, 'datasets/drawn/shards/')) {
    await put(key.slice('datasets/drawn/'.length), (await lab.store.get(key))?.body ?? '');
  }
  const after = await prepare({ size: 16 });
  const [old, now] = [await lab.dataset(before.digest), await lab.dataset(after.digest)];
  // The picture that was inspected is another: an array now.
  const columnsOf = ({ pages }: typeof now) => pages.map(({ columns: { inspect: _, ...columns } }) => columns);
  expect(columnsOf(now)).toEqual(columnsOf(old));
  expect(now.encoders).toEqual(old.encoders);
  const told = async (digest: Digest) =>
    (await lab.items(digest)).map(({ id, name, split, cluster, attributes }) => ({
      id,
      name,
      split,
      cluster,
      attributes,
    }));
  expect(await told(after.digest)).toEqual(await told(before.digest));
  expect(after.rejects).toEqual([]);
});

test('patches in i8 are read back from shards with their steps, by bytes', async () => {
  const before = await putSmallDataset(lab.blobs, 5, 'i8');
  await createRefs(lab.store).datasets.create('small', { v: 1, dataset: before });
  await lab.executor.callEffect('shard', { dataset: 'small' });
  for (const key of await listKeys(lab.store, 'datasets/small/shards/')) {
    await put(key.slice('datasets/small/'.length), (await lab.store.get(key))?.body ?? '');
  }
  const { digest, rejects } = await prepare({
    size: 16,
    quantum: 8,
    buckets: [
      { width: 16, height: 16 },
      { width: 32, height: 16 },
    ],
  });
  expect(rejects).toEqual([]);
  const patchesOf = async (dataset: Digest) => {
    const { pages } = await lab.dataset(dataset);
    const members = await Promise.all(
      pages.map(async ({ columns: { patches } }) => [...readColumn(await lab.blobs.get(patches as Digest))]),
    );
    return members.flat().sort(([a], [b]) => (a < b ? -1 : 1));
  };
  expect(await patchesOf(digest)).toEqual(await patchesOf(before));
});

test('a shard of the original gives pixels, trimmed text and a grid without registers', async () => {
  await put(
    'bucket_64x48/shard-000000.tar',
    await readFile(new URL('./import/testdata/original-shard.tar', import.meta.url)),
  );
  const { digest, counts, rejects, notes } = await prepare(SIZE);
  expect([counts.pictures, rejects]).toEqual([3, []]);
  expect(notes).toContainEqual(expect.objectContaining({ code: 'patches_mended', count: 3 }));
  const dataset = await lab.dataset(digest);
  expect(dataset.encoders).toEqual({
    text: { name: 't5-large', dim: 8, tokens: 16 },
    cls: { name: 'dinov3-vitl16', dim: 8 },
    patches: { name: 'dinov3-vitl16', dim: 8, stride: 16 },
  });
  const names = (await lab.items(digest)).map(({ name, attributes }) => [name.split('/').at(-1), attributes?.caption]);
  expect(names).toEqual([
    ['00001.image.npy', 'caption 0'],
    ['a.b.c.image.npy', 'caption 1'],
    ['zebra.image.npy', 'caption 2'],
  ]);
  const key = 'bucket_64x48/shard-000000.tar/a.b.c.image.npy';
  const pixels = decodeNpy(await bodyOf('a.b.c.image.npy'));
  const image = (await readByName(digest, 'image')).get(key);
  expect([...(image?.data ?? [])]).toEqual(Array.from(pixels.data, bits => Math.round(255 * fromF16Bits(bits))));
  const text = (await readByName(digest, 'text')).get(key);
  const states = decodeNpy(await bodyOf('a.b.c.t5h.npy'));
  expect([text?.shape, text?.data]).toEqual([[6, 8], states.data.slice(0, 6 * 8)]);
  const patches = (await readByName(digest, 'patches')).get(key);
  const stored = decodeNpy(await bodyOf('a.b.c.dinov3_patches.npy'));
  expect(patches?.shape).toEqual([3, 4, 8]);
  const cell = (number: number) => Array.from(patches?.data.slice(8 * number, 8 * number + 8) ?? [], fromF16Bits);
  for (let i = 0; i < 8; i++) {
    for (const [d, value] of cell(i).entries()) expect(value).toBeCloseTo(stored.data[8 * (i + 4) + d] ?? 0, 2);
  }
  expect(cell(11)).toEqual(cell(7));
  const pose = (await readByName(digest, 'pose')).get(key);
  const joints = Array.from(decodeNpy(await bodyOf('a.b.c.pose.npy')).data, fromF16Bits);
  expect([...(pose?.data ?? [])]).toEqual(joints.map((x, i) => ((joints[i - (i % 3) + 2] ?? 0) > 0 ? x : 0)));
});

test('the folder of the original, with derived arrays beside approved pictures, gives the same signals', async () => {
  const folders: Readonly<Record<string, string>> = {
    't5h.npy': 't5_hidden',
    'dinov3.npy': 'dinov3',
    'dinov3_patches.npy': 'dinov3_patches',
    'pose.npy': 'pose',
    'image.npy': 'image',
  };
  const lines: string[] = [];
  for (const { name, body } of await original()) {
    const [, key = '', suffix = ''] = /^(00001|a\.b\.c|zebra)\.(.+)$/.exec(name) ?? [];
    if (folders[suffix]) await put(`derived/${folders[suffix]}/${key}.npy`, body);
    if (suffix === 'image.npy') await put(`approved/${key}.jpg`, 'a picture of another size, which is not read');
    if (suffix === 'json') lines.push(Buffer.from(body).toString());
  }
  await put('derived/approved_image_dataset.jsonl', lines.join(''));
  await put('derived/vae_latents/zebra.npy', 'not used');
  const { digest, rejects } = await prepare(SIZE);
  expect(rejects).toEqual([
    { name: 'derived/vae_latents/zebra.npy', reason: 'an array of the original project that Easel does not use' },
  ]);
  const texts = await readByName(digest, 'text');
  expect([...texts].map(([name, { shape }]) => [name, shape[0]])).toEqual([
    ['approved/00001.image.npy', 5],
    ['approved/a.b.c.image.npy', 6],
    ['approved/zebra.image.npy', 7],
  ]);
  expect((await lab.items(digest)).map(({ attributes }) => attributes?.caption)).toEqual([
    'caption 0',
    'caption 1',
    'caption 2',
  ]);
});

test('the same import again changes nothing, and what left the source leaves the store of signals, too', async () => {
  const entries = await original();
  const write = (names: RegExp) =>
    put('s.tar', packTar(entries.filter(({ name }) => names.test(name)).map(({ name, body }) => [name, body])));
  await write(/./);
  const first = await prepare(SIZE);
  expect((await prepare(SIZE)).digest).toBe(first.digest);
  await write(/^(00001|zebra)/);
  const less = await prepare(SIZE);
  expect(less.counts.pictures).toBe(2);
  const archives = async (digest: Digest) => {
    const items = await lab.items(digest);
    return new Set(items.flatMap(({ signals = {} }) => SIGNAL_NAMES.flatMap(signal => signals[signal]?.archive ?? [])));
  };
  for (const archive of await archives(less.digest)) expect([...(await archives(first.digest))]).not.toContain(archive);
  expect((await readByName(less.digest, 'pose')).size).toBe(2);
});

test('signals are neither taken nor moved from an archive in which a bit flipped', async () => {
  const entries = await original();
  await put('s.tar', packTar(entries.map(({ name, body }) => [name, body])));
  const { digest } = await prepare(SIZE);
  const [item] = await lab.items(digest);
  const slice = item?.signals?.cls;
  if (slice === undefined) throw new Error('the picture came with cls');
  const at = slice.offset + slice.size - 1;
  const bytes = await lab.blobs.get(slice.archive);
  await lab.store.put(
    blobKey(slice.archive),
    bytes.map((byte, i) => (i === at ? byte ^ 1 : byte)),
  );
  const damaged = { code: 'corrupt', details: { digest: slice.archive } };
  await expect(lab.executor.call('take-signals', { dataset: digest, signals: ['cls'] })).rejects.toMatchObject(damaged);
  const left = entries.filter(({ name }) => !name.startsWith('zebra'));
  await put('s.tar', packTar(left.map(({ name, body }) => [name, body])));
  await expect(prepare(SIZE)).rejects.toMatchObject(damaged);
});

test('arrays that some pictures lack are an error, unless the call says what to do', async () => {
  const entries = (await original()).filter(({ name }) => name !== 'zebra.pose.npy');
  await put('s.tar', packTar(entries.map(({ name, body }) => [name, body])));
  await expect(prepare(SIZE)).rejects.toThrow('1 of 3 pictures have no pose, which the others have');
  const ignored = await prepare({ ...SIZE, missing_signals: 'ignore' });
  expect(Object.keys((await lab.dataset(ignored.digest)).pages[0]?.columns ?? {})).not.toContain('pose');
  const rejected = await prepare({ ...SIZE, missing_signals: 'reject' });
  expect(rejected.rejects.map(({ reason }) => reason)).toEqual([
    'it has no pose, which the others have',
    'the text of "s.tar/zebra.image.npy", which is not taken',
  ]);
  expect(rejected.counts.pictures).toBe(2);
});

test('damaged arrays are rejected with their picture, and the reason names them', async () => {
  const nan = new Uint8Array(await bodyOf('zebra.t5h.npy'));
  nan.set([0x00, 0x7e], nan.length - 16 * 8 * 2);
  const replaced: Readonly<Record<string, Uint8Array>> = {
    'zebra.t5h.npy': nan,
    'a.b.c.dinov3.npy': Buffer.from('no array'),
  };
  const entries = await original();
  await put('s.tar', packTar(entries.map(({ name, body }) => [name, replaced[name] ?? body])));
  const { rejects } = await prepare(SIZE);
  const arrays = rejects.filter(({ name }) => name.endsWith('.npy'));
  expect(Object.fromEntries(arrays.map(({ name, reason }) => [name, reason]))).toEqual({
    's.tar/zebra.image.npy': 'its text has a number that is not finite in float16',
    's.tar/a.b.c.image.npy': expect.stringContaining('its cls npy: the file does not start with the magic string'),
  });
});
