import { copyFile, mkdir, mkdtemp, realpath, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { ProgressEvent } from '../configs/progress.ts';
import { Forbidden, InvalidInput, Unprocessable } from '../errors.ts';
import { packTar } from '../formats/tar.ts';
import type { Digest } from '../storage/digest.ts';
import { createRefs } from '../storage/names/refs.ts';
import { digestSchema } from '../storage/records.ts';
import { readOriginals } from './datasets/originals.ts';
import { encodePng, renderSvgPng, renderSvgRgb } from './pictures/image.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';
import { listKeys } from './testing/training.ts';

const answerSchema = z.object({
  originals: digestSchema,
  pages: z.object({ total: z.int(), computed: z.int(), cached: z.int() }),
  items: z.object({ total: z.int(), computed: z.int(), cached: z.int() }),
  counts: z.record(z.string(), z.int()),
  removed: z.array(z.string()),
  rejects: z.array(z.object({ name: z.string(), id: z.string().optional(), reason: z.string() })),
});

let folder = '';
let lab: PictureLab;
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'easel-pictures-')));
  lab = createPictureLab({ importRoots: [folder] });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (name: string, bytes: Uint8Array | string) => writeFile(join(folder, name), bytes);
const fixture = (name: string, as: string) =>
  copyFile(new URL(`./pictures/testdata/${name}`, import.meta.url), join(folder, as));
/** A picture of its own for each number. */
const draw = (seed: number) =>
  renderSvgPng(
    `<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32"><rect width="48" height="32" fill="#${(seed * 2654435).toString(16).padStart(6, '0').slice(-6)}"/><circle cx="${(seed * 7) % 48}" cy="${(seed * 5) % 32}" r="9" fill="#fff"/></svg>`,
  );

async function importFolder() {
  return answerSchema.parse(await lab.executor.callEffect('import', { dataset: 'mine', folder }));
}

async function ingestAll(originals: Digest) {
  const inspected = outputOf(await lab.executor.call('inspect', { dataset: originals }));
  return outputOf(await lab.executor.call('ingest', { dataset: inspected }));
}

describe('what cannot be used is named with the reason, what can is used', () => {
  test('every kind of bad file', async () => {
    await put('a-good.png', await draw(1));
    await put('b-copy.png', await draw(1));
    await put('c-text.png', 'I am a text file');
    await put('d-empty.png', '');
    await fixture('40000x2.png', 'e-strip.png');
    await fixture('truncated.jpg', 'f-cut.jpg');
    await fixture('animated.gif', 'g-moving.gif');
    await fixture('cmyk.jpg', 'h-cmyk.jpg');
    await fixture('rgba-16-bit.png', 'i-deep.png');
    await put('notes.md', '# notes');
    await put('orphan.txt', 'nobody');
    await put('.hidden.png', await draw(9));
    const imported = await importFolder();
    expect(imported.counts).toMatchObject({ hidden: 1 });
    const ingested = await ingestAll(imported.originals);
    const dataset = await lab.dataset(ingested);
    expect(Object.fromEntries(dataset.rejects.map(({ name, reason }) => [name, reason]))).toEqual({
      'b-copy.png': 'the same bytes as a-good.png',
      'c-text.png': 'a text, by its content; expected JPEG, PNG, WebP, GIF, TIFF or AVIF',
      'd-empty.png': 'the file is empty',
      'e-strip.png': 'the picture is 40000 x 2 pixels; expected a shorter side of at least 16 pixels (min_side)',
      'f-cut.jpg': expect.stringContaining('does not decode'),
      'notes.md': 'a text, by its content; expected JPEG, PNG, WebP, GIF, TIFF or AVIF',
      'orphan.txt': 'no picture is called "orphan"; this would be its caption',
    });
    expect(dataset.counts).toMatchObject({ pictures: 4, rejected: 7 });
    const names = (await lab.items(ingested)).map(item => item.name);
    expect(names).toEqual(['a-good.png', 'g-moving.gif', 'h-cmyk.jpg', 'i-deep.png']);
  });

  test('a file larger than any picture is not read, nor a sidecar that is no note', async () => {
    await put('a.png', await draw(1));
    await put('a.json', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`);
    await put('huge.txt', '');
    await truncate(join(folder, 'huge.txt'), 2 ** 40);
    await put('huge.png', '');
    await truncate(join(folder, 'huge.png'), 2 ** 40);
    const { rejects, counts } = await importFolder();
    expect(counts.pictures).toBe(1);
    expect(rejects).toEqual([
      { name: 'huge.png', reason: 'the file has 1,099,511,627,776 bytes, more than 268,435,456' },
      { name: 'huge.txt', reason: 'the file has 1,099,511,627,776 bytes, more than 1,048,576' },
      { name: 'a.json', reason: 'lists and objects lie more than 32 deep' },
    ]);
  });

  test('a picture that would fill the memory is told by its header', async () => {
    const bomb = await renderSvgPng('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>');
    // IHDR says 30,000 x 30,000 pixels; its checksum is made to fit.
    const header = Buffer.from(bomb);
    header.writeUInt32BE(30_000, 16);
    header.writeUInt32BE(30_000, 20);
    header.writeUInt32BE(crc32(header.subarray(12, 29)), 29);
    await put('bomb.png', header);
    await put('good.png', bomb);
    await put('svg.png', '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>');
    const { rejects } = await lab.dataset(await ingestAll((await importFolder()).originals));
    expect(Object.fromEntries(rejects.map(({ name, reason }) => [name, reason]))).toEqual({
      'bomb.png': 'the picture is 30000 x 30000 pixels; expected at most 100000000 pixels (max_pixels)',
      'svg.png': expect.stringMatching(/^SVG, by its content/),
    });
    for (const body of [{ max_pixels: 2_000_000_000 }, { max_bytes: 2 ** 29 }]) {
      await expect(lab.executor.call('inspect', { dataset: 'mine', ...body })).rejects.toThrow(InvalidInput);
    }
  });

  test('what was done to a picture is noted', async () => {
    await fixture('animated.gif', 'moving.gif');
    await fixture('cmyk.jpg', 'cmyk.jpg');
    await fixture('rgba-16-bit.png', 'deep.png');
    await fixture('oriented-6.jpg', 'turned.jpg');
    const { originals } = await importFolder();
    const { notes = [] } = await lab.dataset(await ingestAll(originals));
    const told = notes.map(({ count, text, examples }) => [count, text, ...examples]);
    expect(told).toEqual([
      [
        1,
        expect.stringContaining('the first of several frames'),
        { name: 'moving.gif', text: 'the first of 2 frames' },
      ],
      [1, expect.stringContaining('CMYK'), { name: 'cmyk.jpg', text: 'CMYK' }],
      [1, expect.stringContaining('16 bits'), { name: 'deep.png', text: '16 bits per channel' }],
      [
        2,
        expect.stringContaining('over white'),
        ...['deep.png', 'moving.gif'].map(name => ({ name, text: 'alpha channel' })),
      ],
      [1, expect.stringContaining('turned'), { name: 'turned.jpg', text: 'EXIF orientation 6' }],
    ]);
    const sizes = (await lab.items(await ingestAll(originals))).map(({ name, width, height }) => [name, width, height]);
    expect(sizes).toContainEqual(['turned.jpg', 32, 48]);
  });
});

describe('sidecars', () => {
  test('give captions and attributes', async () => {
    await put('a.png', await draw(1));
    await put('a.txt', ' a white disc \n');
    await put('b.png', await draw(2));
    await put('b.json', '{"caption":"from json","rating":5}');
    await put('c.png', await draw(3));
    await put('c.json', '[1, 2]');
    const { originals, rejects } = await importFolder();
    const attributes = (await lab.items(originals)).map(({ name, attributes }) => [name, attributes]);
    expect(Object.fromEntries(attributes)).toEqual({
      'a.png': { caption: 'a white disc' },
      'b.png': { caption: 'from json', rating: 5 },
      'c.png': undefined,
    });
    expect(rejects).toEqual([{ name: 'c.json', reason: 'not a JSON object' }]);
  });

  test('an edited caption rewrites its page alone', async () => {
    for (let i = 0; i < 70; i++) await put(`${String(i).padStart(2, '0')}.png`, await draw(i));
    await put('03.txt', 'before');
    const first = await importFolder();
    await put('03.txt', 'after');
    const second = await importFolder();
    expect(second.pages).toEqual({ total: 2, computed: 1, cached: 1 });
    const [old, now] = [await lab.dataset(first.originals), await lab.dataset(second.originals)];
    expect(now.pages[1]).toEqual(old.pages[1]);
    expect(now.pages[0]).not.toEqual(old.pages[0]);
    expect((await lab.items(second.originals))[3]?.attributes).toEqual({ caption: 'after' });
  });
});

describe('the same call again takes in what changed', () => {
  test('added, edited, deleted, renamed', async () => {
    for (let i = 0; i < 4; i++) await put(`${i}.png`, await draw(i));
    const first = await importFolder();
    const before = await lab.items(first.originals);

    await put('4.png', await draw(4));
    await put('1.png', await draw(100));
    await rm(join(folder, '2.png'));
    await rm(join(folder, '3.png'));
    await put('three.png', await draw(3));
    const second = await importFolder();
    const after = await lab.items(second.originals);

    expect(after.slice(0, 2).map(item => item.id)).toEqual([before[0]?.id, before[3]?.id]);
    expect(second.removed).toEqual([before[1]?.id, before[2]?.id]);
    expect(after.map(item => item.name)).toEqual(['0.png', 'three.png', '1.png', '4.png']);
    expect(second.counts).toMatchObject({ pictures: 4, removed: 2 });
    const originals = await readOriginals(lab.blobs, after);
    expect(originals.get(after[2]?.id ?? '')).toEqual(new Uint8Array(await draw(100)));

    await put('2.png', await draw(2));
    expect((await importFolder()).counts).toMatchObject({ pictures: 5, removed: 0 });
  });

  test('a copy that brings the caption later gives the picture its name and caption; no page is added', async () => {
    for (let i = 0; i < 70; i++) await put(`${String(i).padStart(2, '0')}.png`, await draw(i));
    const first = await importFolder();
    await put('x.png', await draw(3));
    await put('x.txt', 'the third');
    const second = await importFolder();
    expect(second.pages).toEqual({ total: 2, computed: 1, cached: 1 });
    expect(second.rejects).toMatchObject([{ name: '03.png', reason: 'the same bytes as x.png' }]);
    const [before, after] = [await lab.items(first.originals), await lab.items(second.originals)];
    expect(after[3]).toEqual({ ...before[3], name: 'x.png', attributes: { caption: 'the third' } });
    expect(after.toSpliced(3, 1)).toEqual(before.toSpliced(3, 1));
  });

  test('nothing changed: nothing is written', async () => {
    await put('a.png', await draw(1));
    const first = await importFolder();
    const second = await importFolder();
    expect(second).toEqual({
      ...first,
      pages: { total: 1, computed: 0, cached: 1 },
      items: { total: 1, computed: 0, cached: 1 },
    });
  });

  test('splits stand when more comes, and a near-copy of a picture follows it', async () => {
    const flat = async (level: number) => {
      const { data, width, height } = await renderSvgRgb(
        '<svg xmlns="http://www.w3.org/2000/svg" width="48" height="32"><rect width="48" height="32" fill="#336"/><circle cx="20" cy="16" r="9" fill="#e90"/></svg>',
      );
      return encodePng({ data: data.map(value => value + level), width, height });
    };
    await put('a.png', await flat(0));
    for (let i = 0; i < 30; i++) await put(`x${i}.png`, await draw(i));
    const first = await lab.items(await ingestAll((await importFolder()).originals));
    await put('z.png', await flat(1));
    const { originals } = await importFolder();
    const ingested = await ingestAll(originals);
    const second = await lab.items(ingested);
    expect(second.slice(0, first.length)).toEqual(first);
    const [original] = first;
    expect(second.at(-1)).toMatchObject({ name: 'z.png', cluster: original?.id, split: original?.split });
    expect((await lab.dataset(ingested)).counts).toMatchObject({ duplicates: 1 });
  });
});

test('a previous dataset hands its splits over, whatever the order of import', async () => {
  for (let i = 0; i < 40; i++) await put(`${i}.png`, await draw(i));
  const first = await ingestAll((await importFolder()).originals);
  const moved = (await lab.items(first)).map(item => ({ ...item, split: 'test' as const }));
  const dataset = await lab.dataset(first);
  const { digest: items } = await lab.blobs.put(Buffer.from(moved.map(item => `${JSON.stringify(item)}\n`).join('')));
  const [page] = dataset.pages;
  const previous = await lab.blobs.put(Buffer.from(JSON.stringify({ ...dataset, pages: [{ ...page, items }] })));
  const inspected = outputOf(await lab.executor.call('inspect', { dataset: (await importFolder()).originals }));
  const again = outputOf(await lab.executor.call('ingest', { dataset: inspected, previous: previous.digest }));
  for (const item of await lab.items(again)) expect(item.split).toBe('test');
});

describe('a source without a picture', () => {
  const prepare = (body: Readonly<Record<string, string>>) =>
    lab.executor.callEffect('prepare', { dataset: 'mine', missing_captions: 'empty', size: 32, ...body });

  test('is refused, and empties no dataset', async () => {
    await put('a.png', await draw(1));
    await prepare({ folder });
    const head = await createRefs(lab.store).datasets.read('mine');
    await rm(join(folder, 'a.png'));
    await expect(prepare({ folder })).rejects.toMatchObject({
      status: 422,
      message: `no picture was found in "${folder}"`,
      hint: expect.stringContaining('DELETE /datasets/mine'),
    });
    await put('Thumbs.db', 'thumbs');
    await put('notes.txt', 'nothing yet');
    await put('.hidden', '');
    await expect(prepare({ folder })).rejects.toMatchObject({
      message: expect.stringMatching(/, but 2 other files: Thumbs\.db \(.+\), notes\.txt \(.+\), 1 hidden file$/),
      expected: expect.stringContaining('JPEG, PNG'),
    });
    expect(await createRefs(lab.store).datasets.read('mine')).toEqual(head);
  });

  test('makes no dataset, and the hint names none', async () => {
    const { digest } = await lab.blobs.put(packTar([]), 'application/x-tar');
    for (const body of [{ folder }, { tar: digest }]) {
      const failure = await prepare(body).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(Unprocessable);
      expect(failure).toMatchObject({ hint: expect.not.stringContaining('DELETE') });
    }
    expect(await listKeys(lab.store, 'refs/')).toEqual([]);
  });

  test('or with none that can be taken keeps what the dataset has', async () => {
    await put('a.png', await draw(1));
    await prepare({ folder });
    const before = await createRefs(lab.store).datasets.read('mine');
    await rm(join(folder, 'a.png'));
    await fixture('truncated.jpg', 'cut.jpg');
    await fixture('40000x2.png', 'strip.png');
    await expect(prepare({ folder })).rejects.toMatchObject({
      status: 422,
      message: expect.stringMatching(/^no picture can be taken: cut\.jpg \(.+\), strip\.png \(.+\)$/),
    });
    const after = await createRefs(lab.store).datasets.read('mine');
    expect(after?.value.dataset).toBe(before?.value.dataset);
  });
});

test('prepare takes the limits of inspect', async () => {
  await put('small.png', await draw(1));
  await put('large.png', await encodePng({ data: new Uint8Array(80 * 60 * 3), width: 80, height: 60 }));
  const prepare = (limits: Readonly<Record<string, number>>) =>
    lab.executor.callEffect('prepare', { dataset: 'mine', folder, size: 32, missing_captions: 'empty', ...limits });
  const reasonOf = async (limits: Readonly<Record<string, number>>) =>
    answerSchema
      .pick({ rejects: true })
      .parse(await prepare(limits))
      .rejects.map(({ name, reason }) => [name, reason]);
  expect(await reasonOf({})).toEqual([]);
  expect(await reasonOf({ max_pixels: 4799 })).toEqual([
    ['large.png', 'the picture is 80 x 60 pixels; expected at most 4799 pixels (max_pixels)'],
  ]);
  expect(await reasonOf({ min_side: 33 })).toEqual([['small.png', expect.stringContaining('(min_side)')]]);
  expect(await reasonOf({ max_aspect: 1.4 })).toEqual([['small.png', expect.stringContaining('(max_aspect)')]]);
});

test('the last event of each phase of an import has all done', async () => {
  for (let i = 0; i < 3; i++) {
    await put(`${i}.png`, await draw(i));
    await put(`${i}.txt`, 'a disc');
  }
  const last = new Map<string, ProgressEvent>();
  const onEvent = (event: ProgressEvent) => void last.set(event.phase, event);
  await lab.executor.callEffect('prepare', { dataset: 'mine', folder, size: 32 }, { onEvent });
  expect([...last.keys()]).toEqual(
    expect.arrayContaining(['import', 'inspect', 'ingest', 'bucket', 'caption', 'encode-text', 'view']),
  );
  for (const [phase, { done, total }] of last) expect([phase, done]).toEqual([phase, total]);
  expect(last.get('import')).toMatchObject({ done: 6, unit: 'files' });
});

test('a folder outside the import roots is forbidden, with what to do', async () => {
  const outside = await mkdtemp(join(tmpdir(), 'easel-outside-'));
  const failure = await lab.executor
    .callEffect('import', { dataset: 'x', folder: outside })
    .catch((error: unknown) => error);
  await rm(outside, { recursive: true });
  expect(failure).toBeInstanceOf(Forbidden);
  expect(failure).toMatchObject({ hint: expect.stringContaining('EASEL_IMPORT_ROOTS') });
});

test('an uploaded tar is a folder', async () => {
  await mkdir(join(folder, 'sub'));
  await put('sub/a.png', await draw(1));
  await put('sub/a.txt', 'one');
  await put('b.png', await draw(2));
  const tar = packTar([
    ['b.png', await draw(2)],
    ['sub/a.png', await draw(1)],
    ['sub/a.txt', Buffer.from('one')],
  ]);
  const { digest } = await lab.blobs.put(tar, 'application/x-tar');
  const fromFolder = await importFolder();
  const fromTar = answerSchema.parse(await lab.executor.callEffect('import', { dataset: 'tarred', tar: digest }));
  expect(fromTar.originals).toBe(fromFolder.originals);
});

test('any blob that an import left and that is lost is there again after the same import', async () => {
  for (let i = 0; i < 3; i++) await put(`${i}.png`, await draw(i));
  const { originals } = await importFolder();
  for (const key of await listKeys(lab.store, 'cas/')) {
    await lab.store.delete(key);
    lab = createPictureLab({ store: lab.store, importRoots: [folder] });
    expect((await importFolder()).originals, key).toBe(originals);
    for (const link of (await lab.dataset(originals)).links) expect(await lab.blobs.head(link), key).toBeDefined();
  }
});
