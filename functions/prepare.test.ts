import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ColumnName } from '../configs/signals.ts';
import { Conflict } from '../errors.ts';
import { fromF16Bits } from '../formats/half.ts';
import { decodeNpy } from '../formats/npy.ts';
import { packTar } from '../formats/tar.ts';
import { readColumn } from '../formats/webdataset.ts';
import type { Json } from '../storage/canonical.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { interceptStore } from '../storage/intercept.ts';
import { createRefs } from '../storage/names/refs.ts';
import { digestSchema, type Page } from '../storage/records.ts';
import { encodeDct } from './encoders/encode-dct.ts';
import { encodeWords } from './encoders/words.ts';
import { encodePng, renderSvgRgb } from './pictures/image.ts';
import { copyPrepared, createPictureLab, type PictureLab } from './testing/pictures.ts';
import { listKeys } from './testing/training.ts';

const countsSchema = z.object({ total: z.int(), computed: z.int(), cached: z.int() });
const answerSchema = z.object({
  digest: digestSchema,
  originals: digestSchema,
  stages: z.record(z.string(), z.object({ pages: countsSchema, items: countsSchema })),
  counts: z.record(z.string(), z.int()),
  rejects: z.array(z.object({ name: z.string(), reason: z.string() })),
});

const PORTRAITS = { dataset: 'p', source: 'portraits', size: 32, seed: 5 } as const;
const SEVENTY = { ...PORTRAITS, count: 70 };
const PAGE_STAGES = ['inspect', 'bucket', 'caption', 'encode-text', 'encode-image'];

async function prepare(lab: PictureLab, count: number, more: Readonly<Record<string, number>> = {}) {
  return answerSchema.parse(await lab.executor.callEffect('prepare', { ...PORTRAITS, count, ...more }));
}

async function readMembers(lab: PictureLab, page: Page | undefined, column: ColumnName) {
  const digest = page?.columns[column];
  if (digest === undefined) throw new Error(`the page has no column ${column}`);
  return readColumn(await lab.blobs.get(digest));
}

describe('70 portraits', () => {
  test('get every column, and the name means the result', async () => {
    const lab = createPictureLab();
    const answer = await prepare(lab, 70);
    expect(answer.counts).toMatchObject({ pictures: 70, rejected: 0, removed: 0, duplicates: 0 });
    for (const stage of ['import', 'inspect', 'ingest', ...PAGE_STAGES]) {
      expect(answer.stages[stage], stage).toEqual({
        pages: { total: 2, computed: 2, cached: 0 },
        items: { total: 70, computed: 70, cached: 0 },
      });
    }
    const head = await createRefs(lab.store).datasets.read('p');
    expect(head?.value).toMatchObject({ dataset: answer.digest, originals: answer.originals });

    const dataset = await lab.dataset(answer.digest);
    expect(dataset.encoders).toEqual({
      text: { name: 'words', dim: 192, tokens: 64 },
      cls: { name: 'dct', dim: 64 },
      patches: { name: 'dct', dim: 27, stride: 8 },
    });
    const [page] = dataset.pages;
    const [item] = await lab.items(answer.digest);
    const id = item?.id ?? '';
    expect(item).toMatchObject({ name: 'portraits-5-32/000000.png', cluster: id, width: 32, height: 32 });
    expect(['train', 'val', 'test']).toContain(item?.split);

    const caption = Buffer.from((await readMembers(lab, page, 'caption')).get(`${id}.txt`) ?? '').toString();
    expect(caption).toBe(item?.attributes?.caption);
    const words = encodeWords(caption);
    const text = decodeNpy((await readMembers(lab, page, 'text')).get(`${id}.t5h.npy`) ?? new Uint8Array());
    expect(text).toMatchObject({ dtype: 'f16', shape: [words.tokens, 192] });
    for (const [i, value] of words.data.entries()) expect(fromF16Bits(text.data[i] ?? 0)).toBeCloseTo(value, 2);

    const image = decodeNpy((await readMembers(lab, page, 'image')).get(`${id}.image.npy`) ?? new Uint8Array());
    expect(image).toMatchObject({ dtype: 'u8', shape: [3, 32, 32] });
    if (image.dtype !== 'u8') throw new Error('the image is not uint8');
    const expected = encodeDct({ data: image.data, width: 32, height: 32 }, 8);
    const cls = decodeNpy((await readMembers(lab, page, 'cls')).get(`${id}.dinov3.npy`) ?? new Uint8Array());
    expect(cls).toMatchObject({ dtype: 'f32', shape: [64] });
    expect(Float32Array.from(cls.data)).toEqual(expected.cls);
    const patches = decodeNpy(
      (await readMembers(lab, page, 'patches')).get(`${id}.dinov3_patches.npy`) ?? new Uint8Array(),
    );
    expect(patches).toMatchObject({ dtype: 'f16', shape: [4, 4, 27] });
  });

  test('again: nothing is computed, by another process over the same store neither', async () => {
    const store = await copyPrepared(SEVENTY);
    const first = await prepare(createPictureLab({ store }), 70);
    const again = await prepare(createPictureLab({ store }), 70);
    expect(again.digest).toBe(first.digest);
    for (const [stage, { pages, items }] of Object.entries(again.stages)) {
      expect([pages.computed, items.computed], stage).toEqual([0, 0]);
      expect([pages.cached, items.cached], stage).toEqual([2, 70]);
    }
  });

  test('one more picture is one new page of one picture; nothing else moves', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    const before = await prepare(lab, 70);
    const after = await prepare(lab, 71);
    expect(after.counts.pictures).toBe(71);
    for (const stage of ['import', ...PAGE_STAGES]) {
      expect(after.stages[stage], stage).toEqual({
        pages: { total: 3, computed: 1, cached: 2 },
        items: { total: 71, computed: 1, cached: 70 },
      });
    }
    const [old, now] = [await lab.dataset(before.digest), await lab.dataset(after.digest)];
    expect(now.pages.slice(0, 2)).toEqual(old.pages);
    expect((await lab.items(after.digest)).slice(0, 70)).toEqual(await lab.items(before.digest));
  });

  test('fewer: the rest is removed, no page changes; as many again: it is back', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    const before = await prepare(lab, 70);
    const fewer = await prepare(lab, 60);
    const [old, now] = [await lab.dataset(before.digest), await lab.dataset(fewer.digest)];
    expect(now.pages).toEqual(old.pages);
    expect(now.removed).toEqual((await lab.items(before.digest)).slice(60).map(item => item.id));
    expect(fewer.counts).toMatchObject({ pictures: 60, removed: 10 });
    expect((await prepare(lab, 70)).digest).toBe(before.digest);
  });

  test('another encoder parameter computes that stage alone', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    await prepare(lab, 70);
    const { stages } = await prepare(lab, 70, { stride: 4 });
    for (const stage of PAGE_STAGES)
      expect(stages[stage]?.pages.computed, stage).toBe(stage === 'encode-image' ? 2 : 0);
  });

  test('links name every blob of the dataset', async () => {
    const lab = createPictureLab({ store: await copyPrepared(SEVENTY) });
    const { digest } = await prepare(lab, 70);
    const { links, pages } = await lab.dataset(digest);
    const originals = (await lab.items(digest)).map(({ original }) =>
      typeof original === 'string' ? original : original.archive,
    );
    const needed = [...pages.flatMap(page => [page.items, ...Object.values(page.columns)]), ...originals];
    expect(new Set(links)).toEqual(new Set(needed));
    for (const link of links) expect(await lab.blobs.head(link)).toBeDefined();
  });
});

test('the same call on several servers at once succeeds on all, with one result', async () => {
  const store = createMemoryStore();
  const late = interceptStore(store, async (_, run) => {
    await new Promise(setImmediate);
    return run();
  });
  const answers = await Promise.all([store, late, late].map(each => prepare(createPictureLab({ store: each }), 6)));
  expect(new Set(answers.map(answer => answer.digest)).size).toBe(1);
  expect((await createRefs(store).datasets.read('p'))?.value.dataset).toBe(answers[0]?.digest);
});

test('of two different imports into one name at once, one is told; repeated it succeeds', async () => {
  const lab = createPictureLab();
  const answers = await Promise.allSettled([prepare(lab, 3), prepare(lab, 5)]);
  for (const answer of answers) if (answer.status === 'rejected') expect(answer.reason).toBeInstanceOf(Conflict);
  const { counts } = await prepare(lab, 5);
  expect(counts.pictures).toBe(5);
});

const notesSchema = z.looseObject({ notes: z.array(z.looseObject({ code: z.string() })) });

describe('captions of pictures', () => {
  /** A picture of one colour, its own for each number below 4,096. */
  const flat = (number: number) =>
    renderSvgRgb(
      `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><rect width="40" height="30" fill="#${number.toString(16).padStart(3, '0')}"/></svg>`,
    ).then(encodePng);

  const failureOf = (lab: PictureLab, name: string, body: Json) =>
    (name === 'prepare' ? lab.executor.callEffect(name, body) : lab.executor.call(name, body)).catch(
      (error: unknown) => error,
    );

  async function upload(lab: PictureLab) {
    const members: [string, Uint8Array][] = [
      ['with.png', await flat(0xf00)],
      ['with.txt', Buffer.from('  a red wall \n')],
      ['without.png', await flat(0x0f0)],
    ];
    return (await lab.blobs.put(packTar(members), 'application/x-tar')).digest;
  }

  test('a missing caption is an error that counts all pictures without one, with the key of the call that was made', async () => {
    const lab = createPictureLab();
    const pictures = await Promise.all(Array.from({ length: 100 }, (_, i) => flat(i)));
    const members = pictures.flatMap((picture, i) => {
      const name = String(i).padStart(2, '0');
      return [[`${name}.png`, picture] as const, ...(i % 2 ? [[`${name}.txt`, Buffer.from('odd')] as const] : [])];
    });
    const tar = (await lab.blobs.put(packTar(members), 'application/x-tar')).digest;
    const counted =
      '50 of 100 pictures have no caption: 00.png, 02.png, 04.png, 06.png, 08.png, 10.png, 12.png, 14.png, 16.png, 18.png and 40 more';
    const prepared = await failureOf(lab, 'prepare', { dataset: 'x', tar });
    expect(prepared).toMatchObject({
      message: counted,
      hint: expect.stringContaining('set missing_captions to "empty"'),
    });
    // Nothing is scaled in vain.
    expect(await listKeys(lab.store, 'actions/bucket/')).toEqual([]);
    const captioned = await failureOf(lab, 'caption', { dataset: 'x' });
    expect(captioned).toMatchObject({ message: counted, hint: expect.stringContaining('set missing to "empty"') });
    expect(
      (await lab.executor.call('caption', { dataset: 'x', missing: 'empty' })).result.outputs.dataset,
    ).toBeDefined();
  });

  test('missing captions are counted without removed pictures, and the error says which texts are not used', async () => {
    const lab = createPictureLab();
    const upload = async (members: readonly (readonly [string, Uint8Array])[]) =>
      (await lab.blobs.put(packTar(members), 'application/x-tar')).digest;
    const all = [
      ['a.png', await flat(1)],
      ['a.txt', Buffer.from('caf\xe9', 'latin1')],
      ['b.png', await flat(2)],
      ['b.txt', Buffer.from('two')],
      ['b.json', Buffer.from('{')],
      ['gone.png', await flat(3)],
      ['notes.txt', Buffer.from('on something else')],
    ] as const;
    await failureOf(lab, 'prepare', { dataset: 'x', tar: await upload(all) });
    const failure = await failureOf(lab, 'prepare', {
      dataset: 'x',
      tar: await upload(all.filter(([name]) => name !== 'gone.png')),
    });
    expect(failure).toMatchObject({
      message: '1 of 2 pictures has no caption: a.png',
      hint: expect.stringMatching(/^a\.txt is not used: the text is not UTF-8: byte 4 is E9; .*\. Add the captions/),
      details: { pictures: ['a.png'], rejects: [{ name: 'a.txt' }] },
    });
  });

  test('captions longer than the encoder reads are counted in the answer; a set that fits has no note', async () => {
    const lab = createPictureLab();
    const prepareOf = async (caption: string) => {
      const members = [
        ['a.png', await flat(7)],
        ['a.txt', Buffer.from(caption)],
      ] as const;
      const tar = (await lab.blobs.put(packTar(members), 'application/x-tar')).digest;
      // A size that the pictures fit.
      const body = { dataset: 'x', tar, size: 32, quantum: 2, stride: 2 };
      return notesSchema.parse(await lab.executor.callEffect('prepare', body)).notes;
    };
    expect(await prepareOf('word '.repeat(200))).toMatchObject([
      { code: 'caption_cut', count: 1, examples: [{ name: 'a.png', text: '200 words, 64 used' }] },
    ]);
    expect(await prepareOf('word '.repeat(64))).toEqual([]);
  });

  test('a missing caption is an empty text when asked to, without tokens', async () => {
    const lab = createPictureLab();
    const tar = await upload(lab);
    const answer = answerSchema.parse(
      await lab.executor.callEffect('prepare', { dataset: 'x', tar, missing_captions: 'empty' }),
    );
    const items = await lab.items(answer.digest);
    const [page] = (await lab.dataset(answer.digest)).pages;
    const texts = await readMembers(lab, page, 'text');
    const tokens = items.map(({ name, id }) => [
      name,
      decodeNpy(texts.get(`${id}.t5h.npy`) ?? new Uint8Array()).shape[0],
    ]);
    expect(Object.fromEntries(tokens)).toEqual({ 'with.png': 3, 'without.png': 0 });
  });
});

test('a body needs exactly one source, and no unknown keys', async () => {
  const { executor } = createPictureLab();
  for (const body of [
    { dataset: 'p' },
    { dataset: 'p', source: 'portraits' },
    { dataset: 'p', source: 'portraits', count: 3, folder: '/tmp' },
    { dataset: 'p', folder: '/tmp', count: 3 },
    { dataset: 'p', source: 'portraits', count: 3, colour: 'red' },
    { dataset: 'p', source: 'portraits', count: 3, quantum: 8, stride: 3 },
  ]) {
    await expect(executor.callEffect('prepare', body)).rejects.toMatchObject({ code: 'invalid_input' });
  }
});
