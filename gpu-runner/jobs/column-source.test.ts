import { describe, expect, it } from 'vitest';
import { memberName, signalsOf, variantId } from '../../configs/signals.ts';
import { BlobMissing, Unprocessable } from '../../errors.ts';
import { toF16Bits } from '../../formats/half.ts';
import { encodeNpy } from '../../formats/npy.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { encodeSignalMember } from '../../storage/blobs/column-member.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import type { Digest } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { blobKey } from '../../storage/keys.ts';
import type { BlobStore } from '../../storage/types.ts';
import { tinyConfig, tinyItems } from '../training/testing/tiny.ts';
import { openColumnSource } from './column-source.ts';
import { putTinyDataset } from './testing/tiny-dataset.ts';

const signals = signalsOf(tinyConfig().model.conditions);
const WHOLE = 2 ** 30;
/** Items whose text is f16, as `encode-text` stores it. */
const items = tinyItems(10).map(item => {
  const { text } = item.signals;
  const halves = { rows: text?.rows ?? 0, data: Uint16Array.from(text?.data ?? [], toF16Bits) };
  return { ...item, signals: { ...item.signals, text: halves } };
});

/** Wraps a blob store and counts the bytes read. */
function watch(blobs: BlobStore) {
  const read = { whole: 0, ranges: 0 };
  const watched: BlobStore = {
    ...blobs,
    async get(digest) {
      const bytes = await blobs.get(digest);
      read.whole += bytes.length;
      return bytes;
    },
    async getRange(digest, range) {
      const bytes = await blobs.getRange(digest, range);
      read.ranges += bytes.length;
      return bytes;
    },
  };
  return { watched, read };
}

function open(blobs: BlobStore, dataset: Digest, budgetBytes: number, onPage = () => {}) {
  return openColumnSource(blobs, { dataset, signals, budgetBytes }, onPage);
}

describe('the column source', () => {
  it.each([
    ['all pages', WHOLE],
    ['the first of its pages', 40_000],
    ['no page', 0],
  ])('items are the same if the budget keeps %s', async (_, budget) => {
    const blobs = createBlobStore(createMemoryStore());
    const source = await open(blobs, await putTinyDataset(blobs, items, { pageSize: 4 }), budget);
    expect(source.index).toEqual({
      ids: items.map(({ id }) => id),
      sizes: items.map(() => ({ height: 16, width: 16 })),
      longest: { text: 5 },
      encoders: {},
    });
    expect(await source.load([9, 0, 4, 4])).toEqual([items[9], items[0], items[4], items[4]]);
  });

  it('skips other splits and removed pictures, and reports each page', async () => {
    const blobs = createBlobStore(createMemoryStore());
    const removed = [items[5]?.id ?? ''];
    const dataset = await putTinyDataset(blobs, items, { pageSize: 4, validation: [0, 1, 2, 3, 9], removed });
    const pages: (readonly number[])[] = [];
    const source = await openColumnSource(blobs, { dataset, signals, budgetBytes: 0 }, (...page) => pages.push(page));
    expect(source.index.ids).toEqual([4, 6, 7, 8].map(i => items[i]?.id));
    expect(pages).toEqual([
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
  });

  it('does not read kept columns again, and reads only the needed members of others', async () => {
    const { watched, read } = watch(createBlobStore(createMemoryStore()));
    const dataset = await putTinyDataset(watched, items, { pageSize: 5 });
    const { pages } = await readDataset(watched, dataset);
    const columns = pages.flatMap(page => Object.values(page.columns));
    const sizes = await Promise.all(columns.map(async column => (await watched.head(column))?.size ?? 0));
    const whole = sizes.reduce((total, size) => total + size, 0);
    const readOf = async (budget: number) => {
      const source = await open(watched, dataset, budget);
      Object.assign(read, { whole: 0, ranges: 0 });
      const loaded = await source.load(items.map((_, i) => i));
      expect(loaded).toEqual(items);
      expect(read.whole).toBe(0);
      return read.ranges;
    };
    expect(await readOf(whole)).toBe(0);
    const arrays = items.flatMap(({ pixels, signals }) => [pixels, ...Object.values(signals).map(({ data }) => data)]);
    // A member has a header of 128 bytes.
    const members = arrays.reduce((total, { byteLength }) => total + byteLength + 128, 0);
    expect(await readOf(0)).toBe(members);
    const some = await readOf(whole / 2);
    expect(some).toBeGreaterThan(0);
    expect(some).toBeLessThan(members);
  });

  it('refuses a dataset without a column that the model needs', async () => {
    const blobs = createBlobStore(createMemoryStore());
    const dataset = await putTinyDataset(blobs, items, { signals: ['text', 'cls', 'patches'] });
    await expect(open(blobs, dataset, WHOLE)).rejects.toThrow(Unprocessable);
    await expect(open(blobs, dataset, WHOLE)).rejects.toThrow('no column "pose"');
  });

  it('an error names the missing blob, while opening and while loading', async () => {
    const store = createMemoryStore();
    const blobs = createBlobStore(store);
    const dataset = await putTinyDataset(blobs, items);
    const source = await open(blobs, dataset, 0);
    const [page] = (await readDataset(blobs, dataset)).pages;
    const lost = page?.columns.cls;
    if (lost === undefined) throw new Error('the page has no such column');
    await store.delete(blobKey(lost));
    await expect(source.load([1])).rejects.toMatchObject({ details: { digest: lost } });
    await expect(open(blobs, dataset, 0)).rejects.toThrow(BlobMissing);
  });

  it('an error names the column that is damaged, and its page', async () => {
    const blobs = createBlobStore(createMemoryStore());
    const dataset = await readDataset(blobs, await putTinyDataset(blobs, items, { pageSize: 5 }));
    const { digest } = await blobs.put(Buffer.from('damaged'));
    const [first, second] = dataset.pages;
    if (!first || !second) throw new Error('there are fewer pages');
    const pages = [first, { ...second, columns: { ...second.columns, text: digest } }];
    const damaged = await putDocument(blobs, { ...dataset, pages });
    await expect(open(blobs, damaged.digest, 0)).rejects.toMatchObject({
      status: 422,
      message: 'the column "text" of page 1 of the dataset is damaged: it does not begin with an index',
    });
  });
});

it('patches that are stored as int8 are read as the numbers that their steps say', async () => {
  const blobs = createBlobStore(createMemoryStore());
  const first = await readDataset(blobs, await putTinyDataset(blobs, items.slice(0, 2)));
  const [page] = first.pages;
  const shape = [2, 2, 3];
  const steps = Float32Array.of(1, 0.5, 0.25);
  const data = Float32Array.from({ length: 12 }, (_, i) => (i - 6) * (steps[i % 3] ?? 0));
  const members = items.slice(0, 2).map(({ id }) => encodeSignalMember('patches', id, { shape, data, steps }));
  const patches = (await blobs.put(packColumn(new Map(members)))).digest;
  const pages = first.pages.map(each => ({ ...each, columns: { ...page?.columns, patches } }));
  const dataset = (await putDocument(blobs, { ...first, pages })).digest;
  for (const budgetBytes of [WHOLE, 0]) {
    const source = await openColumnSource(blobs, { dataset, signals: ['patches'], budgetBytes }, () => {});
    expect((await source.load([1]))[0]?.signals).toEqual({ patches: { rows: 2, data } });
  }
});

describe('a source with captions', () => {
  /** Two pictures, the second with a further caption, and captions in the items. */
  async function openTold(captions: readonly string[]) {
    const blobs = createBlobStore(createMemoryStore());
    const first = await readDataset(blobs, await putTinyDataset(blobs, items.slice(0, 2)));
    const [page] = first.pages;
    if (page?.columns.text === undefined) throw new Error('there is one page with text');
    const text = new Map(readColumn(await blobs.get(page.columns.text)));
    const id = items[1]?.id ?? '';
    const npy = encodeNpy({ dtype: 'f16', shape: [7, 6], data: new Uint16Array(42).fill(3) });
    text.set(memberName('text', variantId(id, 1)), npy);
    const lines = (await readItems(blobs, page)).map((item, i) =>
      JSON.stringify({ ...item, attributes: { caption: captions[i] } }),
    );
    const columns = { ...page.columns, text: (await blobs.put(packColumn(text))).digest };
    const pages = [{ columns, items: (await blobs.put(Buffer.from(lines.join('\n')))).digest }];
    return { blobs, dataset: (await putDocument(blobs, { ...first, pages })).digest };
  }

  it('reads all captions of a picture if it is asked to', async () => {
    const { blobs, dataset } = await openTold(['a', 'b']);
    const source = await openColumnSource(
      blobs,
      { dataset, signals, readsVariants: true, budgetBytes: WHOLE },
      () => {},
    );
    expect(source.index.longest).toEqual({ text: 7 });
    const loaded = await source.load([0, 1]);
    expect(loaded).toEqual([items[0], { ...items[1], texts: [{ rows: 7, data: new Uint16Array(42).fill(3) }] }]);
    expect((await (await open(blobs, dataset, WHOLE)).load([1]))[0]).toEqual(items[1]);
  });

  it('marks pictures whose captions have words for sides if it is asked to', async () => {
    const { blobs, dataset } = await openTold(['a fox', 'looks left']);
    const source = await openColumnSource(blobs, { dataset, signals, marksSided: true, budgetBytes: 0 }, () => {});
    expect((await source.load([0, 1])).map(({ isSided }) => isSided)).toEqual([undefined, true]);
    const untold = await openColumnSource(
      blobs,
      { dataset, signals: ['cls'], marksSided: true, budgetBytes: 0 },
      () => {},
    );
    expect((await untold.load([0, 1])).map(({ isSided }) => isSided)).toEqual([undefined, undefined]);
  });
});

it('masks are read where a picture has one, and only when they are asked for', async () => {
  const blobs = createBlobStore(createMemoryStore());
  const masked = items.map((item, i) => (i === 1 || i === 9 ? { ...item, mask: item.pixels.slice(0, 256) } : item));
  // The second of the pages has no mask.
  const dataset = await putTinyDataset(blobs, masked, { pageSize: 4 });
  for (const budgetBytes of [0, WHOLE]) {
    const source = await openColumnSource(blobs, { dataset, signals, readsMasks: true, budgetBytes }, () => {});
    expect(await source.load([1, 5, 9, 0])).toEqual([masked[1], masked[5], masked[9], masked[0]]);
    const plain = await openColumnSource(blobs, { dataset, signals, budgetBytes }, () => {});
    expect(await plain.load([1])).toEqual([items[1]]);
  }
});

it('a mask of another size than its picture is refused', async () => {
  const blobs = createBlobStore(createMemoryStore());
  const [item] = items;
  if (item === undefined) throw new Error('there are pictures');
  const dataset = await readDataset(blobs, await putTinyDataset(blobs, [item]));
  const npy = encodeNpy({ dtype: 'u8', shape: [8, 16], data: new Uint8Array(128) });
  const { digest: mask } = await blobs.put(packColumn(new Map([[memberName('mask', item.id), npy]])));
  const pages = dataset.pages.map(page => ({ ...page, columns: { ...page.columns, mask } }));
  const { digest } = await putDocument(blobs, { ...dataset, pages });
  const options = { dataset: digest, signals, readsMasks: true, budgetBytes: 0 };
  const source = await openColumnSource(blobs, options, () => {});
  await expect(source.load([0])).rejects.toThrow(`the mask of ${item.id} is u8[8, 16]`);
});
