import { expect, test } from 'vitest';
import { Unprocessable } from '../errors.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { readAllItems } from '../storage/blobs/items.ts';
import type { Digest } from '../storage/digest.ts';
import { chooseSubset } from './datasets/choose-subset.ts';
import { requireDatasetHead } from './datasets/dataset-head.ts';
import { copyPrepared, createPictureLab, outputOf } from './testing/pictures.ts';

const BODY = { dataset: 'set', source: 'portraits', count: 70, size: 16, seed: 1 };
const ids = Array.from({ length: 200 }, (_, i) => i.toString(16).padStart(16, '0'));

test('a subset does not depend on the order of the ids', () => {
  expect(chooseSubset(ids.toReversed(), 50, 3)).toEqual(chooseSubset(ids, 50, 3));
});

test('a larger subset has all ids of a smaller one, and another seed chooses others', () => {
  const small = chooseSubset(ids, 20, 0);
  expect(small.size).toBe(20);
  const large = chooseSubset(ids, 60, 0);
  expect([...small].filter(id => !large.has(id))).toEqual([]);
  expect(small).not.toEqual(chooseSubset(ids, 20, 1));
});

test('one more picture changes at most one id of a subset', () => {
  const before = chooseSubset(ids, 50, 0);
  for (const more of ['a', 'b', 'c', 'd']) {
    const added = [...chooseSubset([...ids, more], 50, 0)].filter(id => !before.has(id));
    expect(added.length).toBeLessThanOrEqual(1);
  }
});

test('every id has the same chance: over many seeds each is chosen about as often', () => {
  const counts = new Map(ids.map(id => [id, 0]));
  for (let seed = 0; seed < 400; seed++) {
    for (const id of chooseSubset(ids, 50, seed)) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  // 100 of 400 are expected, with a deviation of 8.7.
  expect(Math.min(...counts.values())).toBeGreaterThan(60);
  expect(Math.max(...counts.values())).toBeLessThan(140);
});

async function openLab() {
  const lab = createPictureLab({ store: await copyPrepared(BODY) });
  const { dataset } = (await requireDatasetHead(lab.store, 'set')).value;
  const read = async (digest: Digest) => {
    const document = await lab.dataset(digest);
    const items = await readAllItems(lab.blobs, document);
    const of = (split: string) => items.filter(item => item.split === split).map(({ id }) => id);
    return { document, train: of('train'), val: of('val'), test: of('test') };
  };
  const call = async (size: number, digest: Digest = dataset) =>
    outputOf(await lab.executor.call('subset', { dataset: digest, size }));
  return { lab, read, call, before: await read(dataset) };
}

test('a subset reuses all pages, keeps what is held out, and counts what it has', async () => {
  const { read, call, before } = await openLab();
  const made = await read(await call(20));
  expect(made.document.pages).toEqual(before.document.pages);
  expect(made.train).toHaveLength(20);
  expect(before.train).toEqual(expect.arrayContaining(made.train));
  expect([made.val, made.test]).toEqual([before.val, before.test]);
  const held = before.val.length + before.test.length;
  expect(made.document.counts).toMatchObject({ pictures: 20 + held, train: 20, val: before.val.length });
  expect(made.document.buckets).toEqual([{ width: 16, height: 16, pictures: 20 + held, train: 20 }]);
});

test('a subset of a subset is the smaller subset of the whole', async () => {
  const { read, call } = await openLab();
  const whole = await read(await call(10));
  const nested = await read(await call(10, await call(30)));
  expect(nested.train).toEqual(whole.train);
});

test('a subset with at least as many pictures as there are has all of them', async () => {
  const { read, call, before } = await openLab();
  expect((await read(await call(7000))).train).toEqual(before.train);
});

test('a mixture of several data sets is refused', async () => {
  const { lab, call, before } = await openLab();
  const { pages } = before.document;
  const [dataset] = before.document.links;
  if (dataset === undefined) throw new Error('a dataset without links');
  const sets = [{ name: 'set', dataset, pages: pages.length, times: 1 }];
  const { digest } = await putDocument(lab.blobs, { ...before.document, sets });
  await expect(call(5, digest)).rejects.toThrow(Unprocessable);
});
