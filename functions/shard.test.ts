import { readFile } from 'node:fs/promises';
import { beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { NotFound, Unprocessable } from '../errors.ts';
import { decodeNpy } from '../formats/npy.ts';
import { readTar } from '../formats/tar.ts';
import { readColumn } from '../formats/webdataset.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { type Digest, digestOf } from '../storage/digest.ts';
import { createRefs } from '../storage/names/refs.ts';
import { digestSchema } from '../storage/records.ts';
import { PICTURES, putSmallDataset, TEXT_DIM, TOKENS } from './shards/testing/small-dataset.ts';
import { createPictureLab, type PictureLab } from './testing/pictures.ts';
import { listKeys } from './testing/training.ts';

const answerSchema = z.object({
  tars: z.object({ total: z.int(), computed: z.int(), cached: z.int() }),
  samples: z.int(),
  files: z.array(z.object({ file: z.string(), digest: digestSchema, size: z.int(), samples: z.int() })),
});
const SEED = { pixels: 'float16', text: 'padded' } as const;

let lab: PictureLab;
let dataset: Digest;
beforeEach(async () => {
  lab = createPictureLab();
  dataset = await putSmallDataset(lab.blobs);
  await createRefs(lab.store).datasets.create('small', { v: 1, dataset });
});

const make = async (body: object = {}) =>
  answerSchema.parse(await lab.executor.callEffect('shard', { dataset: 'small', ...body }));
const readShard = async (file: string) => {
  const stored = await lab.store.get(`datasets/small/shards/${file}`);
  return new Map(readTar(stored?.body ?? new Uint8Array()).map(({ name, body }) => [name, body]));
};
const pictureOf = (number: number) => {
  const found = PICTURES[number];
  if (found === undefined) throw new Error(`there is no picture ${number}`);
  return found;
};

test('the view has a folder for each size of train, where the original looks, and one for each other split', async () => {
  const { files, samples, tars } = await make();
  expect(files.map(({ file, samples: count }) => [file, count])).toEqual([
    ['bucket_16x16/shard-000000.tar', 2],
    ['bucket_32x16/shard-000000.tar', 1],
    ['test/bucket_32x16/shard-000000.tar', 1],
    ['val/bucket_16x16/shard-000000.tar', 1],
  ]);
  expect([samples, tars]).toEqual([5, { total: 4, computed: 4, cached: 0 }]);
  const keys = await listKeys(lab.store, 'datasets/small/shards/');
  expect(keys).toEqual(files.map(({ file }) => `datasets/small/shards/${file}`));
  for (const { file, digest } of files) {
    expect(digestOf((await lab.store.get(`datasets/small/shards/${file}`))?.body ?? '')).toBe(digest);
  }
});

test('with pixels float16 and padded text, a sample has exactly the members of the original', async () => {
  await make(SEED);
  const { id, caption, name } = pictureOf(1);
  const members = await readShard('bucket_32x16/shard-000000.tar');
  expect([...members.keys()]).toEqual(
    ['json', 'dinov3.npy', 'dinov3_patches.npy', 't5h.npy', 'pose.npy', 't5m.npy', 'image.npy'].map(
      suffix => `${id}.${suffix}`,
    ),
  );
  const shapes = [...members].slice(1).map(([key, body]) => {
    const { dtype, shape } = decodeNpy(body);
    return `${key.slice(id.length + 1)} ${dtype} ${shape}`;
  });
  expect(shapes).toEqual([
    'dinov3.npy f32 8',
    'dinov3_patches.npy f16 8,4',
    `t5h.npy f16 ${TOKENS},${TEXT_DIM}`,
    'pose.npy f16 133,3',
    `t5m.npy u8 ${TOKENS}`,
    'image.npy f16 3,16,32',
  ]);
  expect(JSON.parse(Buffer.from(members.get(`${id}.json`) ?? '').toString())).toMatchObject({
    ...{ image_id: id, image_path: name, caption, aspect_bucket: '32x16', width: 32, height: 16, format_version: 2 },
  });
});

test('padding is zeros, and the mask counts the tokens', async () => {
  await make(SEED);
  const { id, rows } = pictureOf(3);
  const members = await readShard('bucket_16x16/shard-000000.tar');
  const mask = decodeNpy(members.get(`${id}.t5m.npy`) ?? new Uint8Array()).data;
  expect([...mask]).toEqual([...Array(rows).fill(1), ...Array(TOKENS - rows).fill(0)]);
  const { data } = decodeNpy(members.get(`${id}.t5h.npy`) ?? new Uint8Array());
  expect(data.slice(rows * TEXT_DIM).every(bits => bits === 0)).toBe(true);
  expect(data.slice(0, rows * TEXT_DIM).some(bits => bits !== 0)).toBe(true);
});

test('Python read the same bytes: webdataset finds every sample, and numpy every number', async () => {
  await make(SEED);
  const tar = await lab.store.get('datasets/small/shards/bucket_16x16/shard-000000.tar');
  const golden = (name: string) => readFile(new URL(`./shards/testdata/${name}`, import.meta.url));
  expect(Buffer.compare(tar?.body ?? new Uint8Array(), await golden('shard-000000.tar'))).toBe(0);
  const read = JSON.parse((await golden('read-by-python.json')).toString());
  expect(read.samples.map((sample: { key: string }) => sample.key)).toEqual([pictureOf(0).id, pictureOf(3).id]);
  const members = readTar(tar?.body ?? new Uint8Array());
  for (const { key, caption, arrays } of read.samples) {
    expect(caption).toBe(PICTURES.find(({ id }) => id === key)?.caption);
    for (const [suffix, { dtype, shape, sha256 }] of Object.entries<{ dtype: string; shape: number[]; sha256: string }>(
      arrays,
    )) {
      const array = decodeNpy(members.find(({ name }) => name === `${key}.${suffix}`)?.body ?? new Uint8Array());
      expect([
        { f16: 'float16', f32: 'float32', u8: 'uint8', i8: 'int8', i32: 'int32' }[array.dtype],
        array.shape,
      ]).toEqual([dtype, shape]);
      const { buffer, byteOffset, byteLength } = array.data;
      expect(digestOf(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength))).toBe(`sha256:${sha256}`);
    }
    // float16 of 0 to 1, as NumPy makes it of the stored bytes.
    expect(read.brightness).toBe('equal to (uint8 / 255).astype(float16)');
  }
});

test('as stored, a sample has the bytes of the columns', async () => {
  await make();
  const { pages } = await readDataset(lab.blobs, dataset);
  const { id } = pictureOf(0);
  const members = await readShard('bucket_16x16/shard-000000.tar');
  for (const column of ['image', 'text', 'cls', 'pose'] as const) {
    const stored = readColumn(await lab.blobs.get(pages[0]?.columns[column] as Digest)).get(memberName(column, id));
    expect(members.get(memberName(column, id)), column).toEqual(stored);
  }
});

test('tars end before their limits, and a picture beyond them is refused by name', async () => {
  const { files } = await make({ max_samples: 1, splits: ['train'] });
  expect(files.map(({ file }) => file)).toEqual([
    'bucket_16x16/shard-000000.tar',
    'bucket_16x16/shard-000001.tar',
    'bucket_32x16/shard-000000.tar',
  ]);
  expect(await listKeys(lab.store, 'datasets/small/shards/')).toHaveLength(3);
  const most = 16_000;
  const cut = await make({ max_bytes: most, splits: ['train'] });
  expect(cut.files).toHaveLength(3);
  for (const { size } of cut.files) expect(size).toBeLessThanOrEqual(most);
  await expect(make({ max_bytes: 2 ** 12 })).rejects.toThrow(
    /^"a\/one.jpg" takes \d+ bytes, and a shard has at most 4096/,
  );
});

test('a second call makes nothing, and equal datasets give equal tars in any pages', async () => {
  const first = await make(SEED);
  const again = await make(SEED);
  expect(again.tars).toEqual({ total: 4, computed: 0, cached: 4 });
  expect(again.files).toEqual(first.files);
  const other = createPictureLab();
  await createRefs(other.store).datasets.create('small', { v: 1, dataset: await putSmallDataset(other.blobs) });
  expect(answerSchema.parse(await other.executor.callEffect('shard', { dataset: 'small', ...SEED })).files).toEqual(
    first.files,
  );
});

test('the shards leave the view and the store with the version of the dataset that they show', async () => {
  await make();
  const { datasets } = createRefs(lab.store);
  const head = await datasets.read('small');
  if (head === undefined) throw new Error('the dataset is gone');
  const smaller = await putSmallDataset(lab.blobs, 5);
  await datasets.compareAndSwap('small', head.etag, { ...head.value, dataset: smaller });
  await lab.executor.callEffect('verify', { rebuild_views: true });
  expect(await listKeys(lab.store, 'datasets/small/shards/')).toEqual([]);
  expect((await listKeys(lab.store, 'datasets/small/')).length).toBeGreaterThan(3);
});

test('a dataset that is not prepared, and a name that is not there, are refused', async () => {
  await expect(lab.executor.callEffect('shard', { dataset: 'nobody' })).rejects.toThrow(NotFound);
  const { pages, ...rest } = await readDataset(lab.blobs, dataset);
  const bare = { ...rest, pages: pages.map(page => ({ items: page.items, columns: {} })) };
  const { digest } = await lab.blobs.put(Buffer.from(JSON.stringify(bare)), 'application/json');
  await createRefs(lab.store).datasets.create('bare', { v: 1, dataset: digest });
  await expect(lab.executor.callEffect('shard', { dataset: 'bare' })).rejects.toThrow(Unprocessable);
});
