/** @file The measures on real portraits: what must be better than what. */
import { beforeAll, expect, test } from 'vitest';
import { CONTROL_NAMES, type ControlName } from '../../configs/control-names.ts';
import { setComparisonSchema, shownSchema } from '../../configs/evaluation.ts';
import { copiesFoundSchema } from '../../configs/memorization.ts';
import { memberName } from '../../configs/signals.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import { psnr } from '../../metrics/picture-distance.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Dataset, Split } from '../../storage/records.ts';
import { openPagePictures } from '../experiments/page-pictures.ts';
import { createPictureLab, outputOf, type PictureLab } from '../testing/pictures.ts';
import { readPictures } from './describe-pictures.ts';

const SIDE = 32;
const PICTURES = 192;
const HELD_OUT = 32;

let lab: PictureLab;
let dataset: Digest;
let columns: Digest[];
let ids: Record<Split, string[]>;

/** Portraits as bucket makes them; the first ones are held out. */
beforeAll(async () => {
  lab = createPictureLab();
  const pages: Dataset['pages'] = [];
  for (let from = 0; from < PICTURES; from += 64) {
    const drawn = await lab.executor.call('render-portraits', { seed: 5, size: SIDE, from, to: from + 64 });
    pages.push({ items: outputOf(drawn, 'items'), columns: {} });
  }
  const lines = await Promise.all(
    pages.map(async ({ items }) =>
      Buffer.from(await lab.blobs.get(items))
        .toString()
        .trim()
        .split('\n'),
    ),
  );
  let place = 0;
  for (const [i, page] of pages.entries()) {
    const split = lines[i]?.map(line => {
      const item = JSON.parse(line);
      const part = place++ < HELD_OUT ? 'val' : 'train';
      return `${JSON.stringify({ ...item, split: part, cluster: item.id, width: SIDE, height: SIDE })}\n`;
    });
    page.items = (await lab.blobs.put(Buffer.from((split ?? []).join('')), 'application/jsonl')).digest;
  }
  const document: Dataset = {
    ...{ v: 1, kind: 'dataset', pages, removed: [], encoders: {}, counts: { pictures: PICTURES }, rejects: [] },
    links: pages.map(({ items }) => items),
  };
  const { digest } = await lab.blobs.put(Buffer.from(JSON.stringify(document)), 'application/json');
  dataset = outputOf(await lab.executor.call('bucket', { dataset: digest, size: SIDE }));
  const read = await openPagePictures(lab.blobs, await lab.dataset(dataset));
  columns = read.columnsOf(['train', 'val']);
  ids = { train: [], val: [], test: [] };
  for (const split of ['train', 'val'] as const) ids[split] = read.itemsOf(split).map(({ id }) => id);
});

const describe = (extractor: string, all: readonly Digest[]): Promise<Digest[]> =>
  Promise.all(
    all.map(async pictures => outputOf(await lab.executor.call('features', { pictures, extractor }), 'index')),
  );

/** A column of the pictures of these ids, under their ids or others. */
async function columnOf(taken: readonly string[], names: readonly string[] = taken): Promise<Digest> {
  const all = new Map<string, Uint8Array>();
  for (const column of columns)
    for (const [name, member] of readColumn(await lab.blobs.get(column))) all.set(name, member);
  const members = taken.map((id, i) => {
    const member = all.get(memberName('image', id));
    if (member === undefined) throw new Error(`no picture ${id}`);
    return [memberName('image', names[i] ?? id), member] as const;
  });
  return (await lab.blobs.put(packColumn(new Map(members)), 'application/x-tar')).digest;
}

async function compare(extractor: string, drawn: Digest) {
  const real = await describe(extractor, columns);
  const body = { dataset, real, drawn: await describe(extractor, [drawn]), subsets: 10 };
  const comparison = outputOf(await lab.executor.call('compare-sets', body), 'comparison');
  return readDocument(lab.blobs, comparison, setComparisonSchema, 'a comparison');
}

async function makeControl(control: ControlName, extractor: string): Promise<Digest> {
  const features = control === 'nearest' ? await describe(extractor, columns) : undefined;
  const body = { dataset, control, count: HELD_OUT, ...(features && { features }) };
  return outputOf(await lab.executor.call('control-pictures', body), 'pictures');
}

test('controls are ordered from noise to real pictures', async () => {
  const made = new Map<ControlName, Digest>();
  for (const name of CONTROL_NAMES) made.set(name, await makeControl(name, 'dct'));
  const column = (name: ControlName) => made.get(name) ?? dataset;
  const rows = new Map<ControlName, Awaited<ReturnType<typeof compare>>>();
  for (const name of CONTROL_NAMES) rows.set(name, await compare('dct', column(name)));
  const distance = (name: ControlName) => rows.get(name)?.distance?.mean ?? Number.NaN;
  // Noise is grey at low frequencies, which are all that dct sees: grey is nearer to a picture than another picture.
  const inFeatures = (['real', 'blur', 'nearest', 'random'] as const).map(distance);
  expect(inFeatures).toEqual([...inFeatures].sort((a, b) => a - b));
  expect(inFeatures[0]).toBe(0);
  const likenesses = [];
  for (const name of ['real', 'blur', 'nearest', 'random', 'noise'] as const) {
    likenesses.push(await meanPsnr(column('real'), column(name)));
  }
  expect(likenesses).toEqual([...likenesses].sort((a, b) => b - a));
  const kid = (name: ControlName) => rows.get(name)?.kid.mean ?? Number.NaN;
  expect(kid('noise')).toBeGreaterThan(10 * Math.abs(kid('real')));
  expect(kid('mean')).toBeGreaterThan(5 * Math.abs(kid('real')));
  expect(rows.get('noise')?.coverage).toBeLessThan(0.5 * (rows.get('real')?.coverage ?? 0));
});

/** Of the pictures of the same ids. */
async function meanPsnr(a: Digest, b: Digest): Promise<number> {
  const [first, second] = await Promise.all([a, b].map(async each => readPictures(await lab.blobs.get(each))));
  const each = (first ?? []).map(({ picture }, i) => psnr(picture, second?.[i]?.picture ?? picture));
  return each.reduce((sum, value) => sum + value, 0) / each.length;
}

test('a collapsed set has real pictures, and recall and coverage tell', async () => {
  const [one = '', two = ''] = ids.train;
  const same = ids.val.map((_, i) => (i % 2 === 0 ? one : two));
  const collapsed = await compare('dct', await columnOf(same, ids.val));
  const real = await compare('dct', await columnOf(ids.val));
  expect(collapsed.precision).toBe(1);
  expect(real.recall).toBeGreaterThan(0.5);
  expect(collapsed.recall).toBeLessThan(0.1 * real.recall);
  expect(collapsed.coverage).toBeLessThan(0.2 * real.coverage);
});

async function check(drawn: Digest) {
  const space = async (extractor: string) => ({
    drawn: await describe(extractor, [drawn]),
    dataset: await describe(extractor, columns),
  });
  const body = { dataset, spaces: [await space('dct'), await space('thumbnail')] };
  const copies = outputOf(await lab.executor.call('memorization', body), 'copies');
  return readDocument(lab.blobs, copies, copiesFoundSchema, 'copies');
}

test('copies of training pictures among drawn ones trip the gate, and the nearest ones are named', async () => {
  const taken = [...ids.train.slice(0, 5), ...ids.val.slice(5)];
  const drawn = await columnOf(taken, ids.val);
  const found = await check(drawn);
  expect(found.memorized).toBe(true);
  expect(found.spaces.map(({ drawn: { copies }, held_out }) => [copies, held_out?.copies])).toEqual([
    [5, 0],
    [5, 0],
  ]);
  const exact = found.pairs.slice(0, 5).map(({ id, nearest, ratio }) => [id, nearest, ratio]);
  expect(new Set(exact)).toEqual(new Set(ids.val.slice(0, 5).map((id, i) => [id, ids.train[i], 0])));
  const [pair] = found.pairs;
  const body = {
    pairs: [
      {
        left: { pictures: pair?.pictures ?? '', id: pair?.id ?? '' },
        right: { pictures: pair?.nearest_pictures ?? '', id: pair?.nearest ?? '' },
      },
    ],
  };
  const sheet = await lab.blobs.get(outputOf(await lab.executor.call('pair-sheet', body), 'image'));
  expect(Buffer.from(sheet.subarray(1, 4)).toString()).toBe('PNG');
});

test('held-out pictures in the place of drawn ones do not trip the gate', async () => {
  const found = await check(await columnOf(ids.val));
  expect(found).toMatchObject({ memorized: false, spaces: [{ excess: 0 }, { excess: 0 }] });
});

test('copies are not authentic, held-out pictures as often as other held-out ones', async () => {
  const [copied, real] = [
    await check(await columnOf(ids.train.slice(0, HELD_OUT), ids.val)),
    await check(await columnOf(ids.val)),
  ];
  for (const [i, { extractor, authentic }] of copied.spaces.entries()) {
    expect(authentic?.drawn, extractor).toMatchObject({ pictures: HELD_OUT, authentic: 0, rate: 0 });
    const [drawn, floor] = [real.spaces[i]?.authentic?.drawn, real.spaces[i]?.authentic?.held_out];
    expect(drawn, extractor).toEqual(floor);
    expect(floor?.rate, extractor).toBeGreaterThan(0.3);
  }
});

test('attributes are read from pixels: all of real pictures, few of noise', async () => {
  const shares = async (control: ControlName) => {
    const pictures = await makeControl(control, 'dct');
    const shown = outputOf(await lab.executor.call('probe-pictures', { dataset, pictures }), 'shown');
    return (await readDocument(lab.blobs, shown, shownSchema, 'shown attributes')).attributes;
  };
  expect(await shares('real')).toMatchObject({ background: { right: HELD_OUT, of: HELD_OUT } });
  expect((await shares('noise')).background?.right).toBeLessThan(HELD_OUT / 2);
});
