import { beforeAll, expect, test } from 'vitest';
import { type ColumnName, memberName } from '../configs/signals.ts';
import { Unprocessable } from '../errors.ts';
import { decodeNpy, encodeNpy } from '../formats/npy.ts';
import { packTar } from '../formats/tar.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { type CropRecord, parseCropRecord, readJoints } from './datasets/crop-record.ts';
import { encodePng } from './pictures/image.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

const JOINTS = 133;
let lab: PictureLab;
let ingested: Digest;

/** Grey, with a patch of noise of half the height about the place, as a share of the width. */
async function draw(width: number, height: number, place: number): Promise<Uint8Array> {
  const data = new Uint8Array(width * height * 3).fill(140);
  const centre = Math.round(place * width);
  for (let y = height >> 2; y < height - (height >> 2); y++) {
    for (let x = Math.max(0, centre - 16); x < Math.min(width, centre + 16); x++) {
      data.set([230, (x * 89 + y * 57) % 256, 30], 3 * (y * width + x));
    }
  }
  return encodePng({ data, width, height });
}

beforeAll(async () => {
  lab = createPictureLab();
  const names = ['left.png', 'right.png', 'square.png'];
  const bytes = [await draw(240, 60, 0.1), await draw(240, 60, 0.9), await draw(64, 64, 0.5)];
  const { digest: tar } = await lab.blobs.put(
    packTar(names.map((name, i) => [name, bytes[i] ?? new Uint8Array()])),
    'application/x-tar',
  );
  await lab.executor.callEffect('import', { dataset: 'mine', tar });
  const inspected = outputOf(await lab.executor.call('inspect', { dataset: 'mine' }));
  ingested = outputOf(await lab.executor.call('ingest', { dataset: inspected }));
});

async function bucketOf(dataset: Digest, body: Readonly<Record<string, Json>>): Promise<Digest> {
  return outputOf(await lab.executor.call('bucket', { dataset, size: 64, ...body }));
}

async function membersOf(dataset: Digest, column: ColumnName): Promise<Map<string, Uint8Array>> {
  const { pages } = await lab.dataset(dataset);
  const digest = pages[0]?.columns[column];
  if (digest === undefined) throw new Error(`no column ${column}`);
  const members = readColumn(await lab.blobs.get(digest));
  const items = await lab.items(dataset);
  return new Map(items.map(({ id, name }) => [name, members.get(memberName(column, id)) ?? new Uint8Array()]));
}

async function cropsOf(dataset: Digest): Promise<Record<string, CropRecord>> {
  return Object.fromEntries(
    [...(await membersOf(dataset, 'crop'))].map(([name, bytes]) => [name, parseCropRecord(bytes)]),
  );
}

/** The dataset with a person whose 133 joints lie in a row about the place, as a share of the width of the whole. */
async function withPose(dataset: Digest, places: Readonly<Record<string, number>>): Promise<Digest> {
  const made = await lab.dataset(dataset);
  const members = (await lab.items(dataset)).map(({ id, name }) => {
    const data = Float32Array.from({ length: JOINTS * 3 }, (_, i) => {
      const joint = Math.floor(i / 3);
      const x = 2 * ((places[name] ?? 0.5) + (joint / JOINTS - 0.5) * 0.2) - 1;
      return [x, 0, joint < 120 ? 0.9 : 0.1][i % 3] ?? 0;
    });
    return [memberName('pose', id), encodeNpy({ dtype: 'f32', shape: [JOINTS, 3], data })] as const;
  });
  const { digest } = await lab.blobs.put(packColumn(new Map(members)), 'application/x-tar');
  const pages = made.pages.map(page => ({ ...page, columns: { ...page.columns, pose: digest } }));
  return (await putDocument(lab.blobs, { ...made, pages, links: [...made.links, digest] })).digest;
}

test('a named crop about the centre has the pixels of none, and says what each picture loses', async () => {
  const plain = await bucketOf(ingested, {});
  const named = await bucketOf(ingested, { crop: 'centre' });
  expect(await membersOf(named, 'image')).toEqual(await membersOf(plain, 'image'));
  const wide = { v: 1, crop: 'centre', scaled: { width: 192, height: 48 }, left: 52, top: 0, width: 88, height: 48 };
  expect(await cropsOf(named)).toEqual({
    'left.png': { ...wide, scale: 0.8, cut: 0.541667 },
    'right.png': { ...wide, scale: 0.8, cut: 0.541667 },
    'square.png': {
      ...{ v: 1, crop: 'centre', scaled: { width: 64, height: 64 }, left: 0, top: 0, width: 64, height: 64 },
      ...{ scale: 1, cut: 0 },
    },
  });
  expect((await lab.dataset(named)).notes).toEqual((await lab.dataset(plain)).notes);
});

test('without the key, bucket drops the record of an earlier crop', async () => {
  const named = await bucketOf(ingested, { crop: 'attention' });
  const { pages } = await lab.dataset(await bucketOf(named, {}));
  expect(Object.keys(pages[0]?.columns ?? {}).sort()).toEqual(['image', 'inspect']);
});

test.each(['attention', 'entropy'] as const)('%s keeps the part with something to see', async crop => {
  const crops = await cropsOf(await bucketOf(ingested, { crop }));
  const { left, right } = { left: crops['left.png']?.left ?? 99, right: crops['right.png']?.left ?? 0 };
  // The patches span 3 to 32 and 160 to 189 of the 192 pixels.
  expect(left).toBeLessThanOrEqual(6);
  expect(right).toBeGreaterThanOrEqual(100);
});

test('a crop about joints keeps the person, carries the joints over and counts those that the centre loses', async () => {
  const seen = await bucketOf(ingested, { crop: 'whole', size: 120 });
  expect((await cropsOf(seen))['left.png']).toMatchObject({ cut: 0, width: 120, height: 30, scale: 0.5 });
  expect((await lab.dataset(seen)).buckets).toEqual([]);
  const posed = await withPose(seen, { 'left.png': 0.12, 'right.png': 0.88, 'square.png': 0.5 });

  const made = await bucketOf(posed, { crop: 'pose' });
  const crops = await cropsOf(made);
  expect(crops['left.png']).toMatchObject({ crop: 'pose', left: 0, joints: { seen: 120, lost: 0 } });
  expect(crops['right.png']).toMatchObject({ crop: 'pose', left: 104, joints: { seen: 120, lost: 0 } });
  const image = decodeNpy((await membersOf(made, 'image')).get('right.png') ?? new Uint8Array());
  // The patch of noise is red; at 0.9 of 192 pixels, less the 104 that are cut.
  expect(image.shape).toEqual([3, 48, 88]);
  expect(image.data[24 * 88 + Math.round(0.9 * 192) - 104]).toBeGreaterThan(200);
  expect(image.data[24 * 88 + 20]).toBeLessThan(160);

  const pose = (await membersOf(made, 'pose')).get('right.png') ?? new Uint8Array();
  const [first] = readJoints(pose, crops['right.png']);
  expect(first?.x).toBeCloseTo(0.88 - 0.1, 5);
  expect(first?.confidence).toBeCloseTo(0.9, 5);
  expect(decodeNpy(pose).data[0]).toBeCloseTo((2 * (0.78 * 192 - 104)) / 88 - 1, 5);

  const centred = await bucketOf(posed, { crop: 'centre' });
  expect((await cropsOf(centred))['left.png']?.joints).toEqual({ seen: 120, lost: 120 });
  expect((await lab.dataset(centred)).notes?.find(({ code }) => code === 'joints_lost')).toMatchObject({
    count: 2,
    text: '2 pictures lose joints of a person by the crop',
    examples: [{ name: 'left.png', text: '120 of 120 joints' }, { name: 'right.png' }],
  });
  // Only sure joints count: with all of them sure enough, none of the last 13 does.
  const strict = await bucketOf(posed, { crop: 'pose', pose_threshold: 0.95 });
  expect((await cropsOf(strict))['left.png']).toMatchObject({ left: 52, joints: { seen: 0, lost: 0 } });
});

test('a crop about joints is refused without joints of whole pictures', async () => {
  await expect(bucketOf(ingested, { crop: 'pose' })).rejects.toThrow(Unprocessable);
  const cut = await withPose(await bucketOf(ingested, {}), {});
  await expect(bucketOf(cut, { crop: 'pose' })).rejects.toThrow('cropped already');
});

test.each(['centre', 'attention', 'pose'] as const)('a mask is cut as its picture by %s', async crop => {
  // The mask of a picture is the picture itself.
  const files: [string, Uint8Array][] = [];
  for (const [name, place] of [
    ['a', 0.15],
    ['b', 0.85],
  ] as const) {
    const bytes = await draw(240, 60, place);
    files.push([`${name}.png`, bytes], [`${name}-masklabel.png`, bytes]);
  }
  const { digest: tar } = await lab.blobs.put(packTar(files), 'application/x-tar');
  await lab.executor.callEffect('import', { dataset: 'masked', tar });
  const inspected = outputOf(await lab.executor.call('inspect', { dataset: 'masked' }));
  const whole = outputOf(await lab.executor.call('ingest', { dataset: inspected }));
  const posed = await withPose(whole, { 'a.png': 0.2, 'b.png': 0.8 });
  const made = outputOf(await lab.executor.call('mask', { dataset: await bucketOf(posed, { crop }) }));
  const [images, masks] = [await membersOf(made, 'image'), await membersOf(made, 'mask')];
  for (const [name, bytes] of masks) {
    const [image, mask] = [decodeNpy(images.get(name) ?? new Uint8Array()), decodeNpy(bytes)];
    expect(mask.shape).toEqual(image.shape.slice(1));
    const far = Array.from(mask.data, (level, i) => Math.abs(Number(level) - Number(image.data[i])));
    expect(Math.max(...far), name).toBeLessThanOrEqual(2);
  }
});

test('joints that a set gives need no pass of their own', async () => {
  await lab.executor.callEffect('prepare', { dataset: 'figures', source: 'figures', count: 3, size: 32, seed: 1 });
  const buckets = [{ width: 32, height: 16 }];
  const made = outputOf(await lab.executor.call('bucket', { dataset: 'figures', size: 32, buckets, crop: 'pose' }));
  for (const { joints, height } of Object.values(await cropsOf(made))) {
    expect(height).toBe(16);
    // A standing person does not fit into half the picture.
    expect(joints?.seen).toBeGreaterThan(100);
    expect(joints?.lost).toBeGreaterThan(0);
  }
  const centred = outputOf(
    await lab.executor.call('bucket', { dataset: 'figures', size: 32, buckets, crop: 'centre' }),
  );
  const lost = async (dataset: Digest) =>
    Object.values(await cropsOf(dataset)).reduce((sum, { joints }) => sum + (joints?.lost ?? 0), 0);
  expect(await lost(made)).toBeLessThan(await lost(centred));
});

test('the plain difference of ratios chooses as the original project does', async () => {
  const buckets = [
    { width: 64, height: 64 },
    { width: 96, height: 64 },
    { width: 192, height: 64 },
  ];
  // 240 / 60 = 4 is nearest to 3 either way; 1.6 times the square lies between by difference alone.
  const dataset = await lab.dataset(await bucketOf(ingested, { buckets, assign: 'difference', filter: 'cubic' }));
  expect(dataset.buckets?.map(({ width, pictures }) => [width, pictures])).toEqual([
    [192, 2],
    [64, 1],
  ]);
});
