import { beforeAll, expect, test } from 'vitest';
import { copiesFoundSchema } from '../configs/memorization.ts';
import { encodeNpy } from '../formats/npy.ts';
import { putDocument, readDataset, readDocument } from '../storage/blobs/document-blobs.ts';
import { readAllItems } from '../storage/blobs/items.ts';
import { type Digest, digestOf, hexOf } from '../storage/digest.ts';
import type { Item } from '../storage/records.ts';
import { outputOf } from './execution/output-of.ts';
import { createTrainingLab, putToyDataset, type TrainingLab } from './testing/training.ts';

const DIM = 16;

let lab: TrainingLab;
let dataset: Digest;
let items: readonly Item[];
let real: Digest;

const features = new Map<string, readonly number[]>();

beforeAll(async () => {
  lab = createTrainingLab();
  dataset = await putToyDataset(lab.blobs, { count: 60, heldOut: 20 });
  items = await readAllItems(lab.blobs, await readDataset(lab.blobs, dataset));
  for (const { id } of items) features.set(id, drawRow(id));
  real = await putFeatures(items.map(({ id }) => [id, features.get(id)!]));
});

function drawRow(key: string): number[] {
  return [...Buffer.from(hexOf(digestOf(key)), 'hex').subarray(0, DIM)].map(byte => byte - 127.5);
}

async function putFeatures(rows: readonly (readonly [string, readonly number[]])[]): Promise<Digest> {
  const data = Float32Array.from(rows.flatMap(([, row]) => row));
  const bytes = encodeNpy({ dtype: 'f32', shape: [rows.length, DIM], data });
  const { digest } = await lab.blobs.put(bytes, 'application/octet-stream');
  const ids = rows.map(([id]) => id);
  const index = { v: 1, kind: 'features', extractor: 'dct', pictures: real ?? digest, dim: DIM, ids, features: digest };
  return (await putDocument(lab.blobs, { ...index, links: [digest] })).digest;
}

/** Pictures drawn from the conditions of a split, each nearly equal to the picture that `shows` names. */
function drawn(split: Item['split'], shows: (item: Item, i: number) => string): Promise<Digest> {
  return putFeatures(
    items
      .filter(item => item.split === split)
      .map((item, i) => [item.id, (features.get(shows(item, i)) ?? []).map(value => value * 1.01)] as const),
  );
}

async function judge(space: object) {
  const body = { dataset, spaces: [{ dataset: [real], ...space }] };
  const copies = outputOf((await lab.executor.call('memorization', body)).result, 'copies');
  const { memorized, spaces } = await readDocument(lab.blobs, copies, copiesFoundSchema, 'copies');
  return { memorized, ...spaces[0] };
}

test('a model that draws each picture from what is said of it, seen or not, obeys: it has memorized nothing', async () => {
  const own = ({ id }: Item) => id;
  const [train, val] = [[await drawn('train', own)], [await drawn('val', own)]];
  expect(await judge({ drawn: train })).toMatchObject({ memorized: true, excess: 1 });
  expect(await judge({ drawn: train, obeyed: val })).toMatchObject({
    memorized: false,
    excess: 0,
    obeyed: { pictures: 20, copies: 20 },
  });
});

test('a model that gives trained pictures back for the conditions of held-out ones, too, has memorized', async () => {
  const trained = items.filter(({ split }) => split === 'train');
  const other = (_: Item, i: number) => trained[i]?.id ?? '';
  const space = { drawn: [await drawn('train', other)], obeyed: [await drawn('val', other)] };
  expect(await judge(space)).toMatchObject({ memorized: true, excess: 1, obeyed: { copies: 0 } });
});

test('a trained picture that its caption alone returns is a copy, unless held-out captions do as well', async () => {
  const own = ({ id }: Item) => id;
  const none = () => '';
  const clean = { drawn: [await drawnOrFar('train', none)], obeyed: [await drawnOrFar('val', none)] };
  expect(await judge(clean)).toMatchObject({ memorized: false });
  const returned = [await drawn('train', own)];
  expect(await judge({ ...clean, swapped: returned, swapped_held_out: [await drawnOrFar('val', none)] })).toMatchObject(
    {
      memorized: true,
      caption_swap: { returned: { pictures: 40, copies: 40 }, floor: { pictures: 20, copies: 0 }, excess: 1 },
    },
  );
  expect(await judge({ ...clean, swapped: returned, swapped_held_out: [await drawn('val', own)] })).toMatchObject({
    memorized: false,
    caption_swap: { floor: { copies: 20 }, excess: 0 },
  });
  // Another trained picture, such as the one whose pose was given, is not that of the caption.
  const trained = items.filter(({ split }) => split === 'train');
  const next = (_: Item, i: number) => trained[(i + 1) % trained.length]?.id ?? '';
  const others = { swapped: [await drawn('train', next)], swapped_held_out: [await drawnOrFar('val', none)] };
  expect(await judge({ ...clean, ...others })).toMatchObject({ memorized: false, caption_swap: { excess: 0 } });
});

test('pictures above a cosine are copies, however near the next trained picture is', async () => {
  const none = () => '';
  const few = ({ id }: Item, i: number) => (i < 10 ? id : '');
  const clean = { drawn: [await drawnOrFar('train', few)], obeyed: [await drawnOrFar('val', none)] };
  expect(await judge({ ...clean, cosine: 0.99 })).toMatchObject({
    cosine: {
      ...{ above: 0.99, drawn: { pictures: 40, copies: 10 }, held_out: { pictures: 20, copies: 0 } },
      ...{ obeyed: { copies: 0 }, excess: 0.25 },
    },
  });
  const plain = await judge(clean);
  expect(plain).not.toHaveProperty('cosine');
  const own = ({ id }: Item) => id;
  const met = await judge({ ...clean, obeyed: [await drawn('val', own)], cosine: 0.99 });
  expect(met).toMatchObject({ cosine: { obeyed: { copies: 20 }, excess: 0 } });
});

test('a rate by cosine of a network that was not trained to find copies is told, and judges nothing', async () => {
  const near = ({ id }: Item, i: number) => (i < 10 ? id : '');
  const space = { drawn: [await nearlyLike('train', near)], obeyed: [await drawnOrFar('val', () => '')] };
  const judged = await judge({ ...space, cosine: 0.7 });
  expect(judged).toMatchObject({ memorized: true, excess: 0, cosine: { drawn: { pictures: 40 } } });
  expect(judged.cosine?.excess).toBeGreaterThan(0.2);
  const told = await judge({ ...space, cosine: 0.7, cosine_told: true });
  expect(told).toMatchObject({ memorized: false, excess: 0, cosine: { ...judged.cosine, told: true } });
});

/** Alike, but too far for the rule of the nearest two. */
function nearlyLike(split: Item['split'], shows: (item: Item, i: number) => string): Promise<Digest> {
  return putFeatures(
    items
      .filter(item => item.split === split)
      .map((item, i) => {
        const [like, far] = [features.get(shows(item, i)), drawRow(`far ${i}`)];
        return [item.id, like ? like.map((value, k) => value + 0.6 * (far[k] ?? 0)) : far] as const;
      }),
  );
}

test('a rate that chance may have put above that of obeyed conditions is no verdict', async () => {
  const own = ({ id }: Item) => id;
  const most = ({ id }: Item, i: number) => (i < 19 ? id : '');
  const blank = (shows: typeof most) => drawnOrFar('val', shows);
  expect(await judge({ drawn: [await drawn('train', own)], obeyed: [await blank(most)] })).toMatchObject({
    memorized: false,
    obeyed: { copies: 19, pictures: 20 },
  });
  const few = ({ id }: Item, i: number) => (i < 5 ? id : '');
  expect(await judge({ drawn: [await drawn('train', own)], obeyed: [await blank(few)] })).toMatchObject({
    memorized: true,
    excess: 0.75,
  });
});

/** The same, and where `shows` names none, a picture that is near to no other. */
function drawnOrFar(split: Item['split'], shows: (item: Item, i: number) => string): Promise<Digest> {
  const rows = items.filter(item => item.split === split);
  return putFeatures(
    rows.map((item, i) => {
      const like = features.get(shows(item, i));
      return [item.id, like ? like.map(value => value * 1.01) : drawRow(`far ${i}`)] as const;
    }),
  );
}
