import { beforeAll, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Unprocessable } from '../errors.ts';
import { packTar } from '../formats/tar.ts';
import { packColumn } from '../formats/webdataset.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import type { Json } from '../storage/canonical.ts';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { digestSchema } from '../storage/records.ts';
import { changeApprovals, type Decided, describeApprovals, readApprovals } from './curation/approval-list.ts';
import { requireDatasetHead } from './datasets/dataset-head.ts';
import { encodePng } from './pictures/image.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

const answerSchema = z.looseObject({
  digest: digestSchema,
  counts: z.record(z.string(), z.int()),
  stages: z.record(z.string(), z.object({ pages: z.object({ computed: z.int() }) })),
  rejects: z.array(z.looseObject({ name: z.string(), reason: z.string(), group: z.string().optional() })),
  notes: z.array(z.looseObject({ code: z.string(), count: z.int() })),
  buckets: z.array(z.looseObject({ pictures: z.int() })),
  curation: z
    .looseObject({
      left_out: z.int(),
      by_list: z.int(),
      near_pairs: z.int(),
      measures: z.record(z.string(), z.looseObject({ median: z.number() })),
      report: digestSchema,
    })
    .optional(),
});

/** A chequered picture; `step` is the side of a square, `low` and `high` its two levels. */
async function draw(width: number, height: number, step: number, low: number, high: number, red = 0) {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = [i % width, Math.floor(i / width)];
    const level = (Math.floor(x / step) + Math.floor(y / step)) % 2 === 0 ? low : high;
    data.set([Math.min(255, level + red), level, level], 3 * i);
  }
  return encodePng({ data, width, height });
}

const FILES = {
  'plain.png': ['A red square stands in the middle of the picture, and it is lit from the left.', [64, 64, 8, 60, 180]],
  'twin.png': ['It nearly equals the other one, with the same squares and the same light.', [64, 64, 8, 61, 180]],
  'flat.png': ['The whole picture is of one grey and nothing in it has an edge.', [64, 64, 64, 120, 120]],
  'night.png': ['The scene is all dark, and there is nothing to see in it.', [64, 64, 4, 0, 9]],
  'wide.png': ['This one is far wider than it is high, so that much of it is cut.', [320, 64, 16, 40, 220]],
  'tiny.png': ['This is a small one of a few pixels that is enlarged to the size.', [20, 20, 5, 90, 200]],
  'deutsch.png': ['Das Bild ist von einem Hund, der vor einer Mauer sitzt.', [64, 64, 2, 20, 250]],
  'short.png': ['fox', [64, 64, 16, 100, 250]],
} as const;

const objects: MemoryObjects = new Map();
let tar: string;
let lab: PictureLab;

beforeAll(async () => {
  const made = createPictureLab({ store: createMemoryStore(objects) });
  const members: [string, Uint8Array][] = [];
  for (const [name, [caption, [width, height, step, low, high]]] of Object.entries(FILES)) {
    members.push([name, await draw(width, height, step, low, high)]);
    members.push([name.replace('.png', '.txt'), Buffer.from(caption)]);
  }
  tar = (await made.blobs.put(packTar(members), 'application/x-tar')).digest;
  await made.executor.callEffect('prepare', { dataset: 'mine', tar });
});
beforeEach(() => {
  lab = createPictureLab({ store: createMemoryStore(new Map(objects)) });
});

async function prepare(more: Readonly<Record<string, Json>>) {
  return answerSchema.parse(await lab.executor.callEffect('prepare', { dataset: 'mine', tar, ...more }));
}

async function approve(changes: Readonly<Record<string, Decided>>) {
  const { value } = await requireDatasetHead(lab.store, 'mine');
  return changeApprovals(lab, 'mine', value, changes, { replaces: false });
}

const names = async (digest: z.infer<typeof digestSchema>) => {
  const { removed } = await lab.dataset(digest);
  return (await lab.items(digest)).filter(({ id }) => !removed.includes(id)).map(({ name }) => name);
};

test('every rule leaves out the picture that breaks it, with its number and its name', async () => {
  const { rejects, counts, curation, digest } = await prepare({
    max_cut: 0.5,
    max_enlargement: 2,
    rules: {
      blur: { min: 1 },
      dark: { max: 0.4 },
      caption_words: { min: 5 },
      language: { allow: ['en'] },
      duplicate: { max: 0 },
    },
  });
  expect(Object.fromEntries(rejects.map(({ name, reason }) => [name, reason]))).toEqual({
    'flat.png': 'the sharpness is 0; expected at least 1 (rules.blur.min)',
    'night.png': 'the share of pixels that are black is 50 %; expected at most 40 % (rules.dark.max)',
    'wide.png': 'the share that the crop cuts off is 63.3 %; expected at most 50 % (rules.cut.max)',
    'tiny.png': 'the factor by which it is enlarged is 3.2; expected at most 2 (rules.enlargement.max)',
    'deutsch.png': 'the caption is in the language de; expected en (rules.language)',
    'short.png': 'the length of the caption is 1 word; expected at least 5 words (rules.caption_words.min)',
    'twin.png': 'it nearly equals plain.png; at most 0 beside it stay (rules.duplicate.max)',
  });
  expect(await names(digest)).toEqual(['plain.png']);
  expect(counts).toMatchObject({ pictures: 1, rejected: 7, duplicates: 0 });
  expect(curation).toMatchObject({ left_out: 7, by_list: 0, near_pairs: 0 });
});

test('empty rules measure, leave nothing out, and list near-duplicates as pairs', async () => {
  const { rejects, curation, counts } = await prepare({ rules: {} });
  expect([rejects, counts.pictures]).toEqual([[], 8]);
  expect(Object.keys(curation?.measures ?? {})).toEqual([
    ...['aspect', 'blur', 'bright', 'brightness', 'caption_characters', 'caption_words', 'cut', 'dark', 'enlargement'],
    ...['pixels', 'side'],
  ]);
  const report = JSON.parse(Buffer.from(await lab.blobs.get(curation?.report ?? digestSchema.parse(''))).toString());
  expect(report.pairs).toMatchObject([{ first: { name: 'plain.png' }, second: { name: 'twin.png' } }]);
  expect(report.pairs[0].difference).toBeLessThan(1);
});

test('other rules compute no page again, and the same rules nothing at all', async () => {
  const computed = ({ stages }: z.infer<typeof answerSchema>) =>
    Object.values(stages).reduce((sum, { pages }) => sum + pages.computed, 0);
  await prepare({ rules: { blur: { min: 1 } } });
  const other = await prepare({ rules: { dark: { max: 0.4 } } });
  expect(other.rejects.map(({ name }) => name)).toEqual(['night.png']);
  // The first ingest of every call is without a selection, and cached.
  expect(computed(other)).toBe(0);
  expect((await prepare({ rules: { dark: { max: 0.4 } } })).digest).toBe(other.digest);
});

test('notes and sizes count the pictures that stay alone', async () => {
  const all = await prepare({ rules: {} });
  const few = await prepare({ rules: { enlargement: { max: 2 }, cut: { max: 0.5 } } });
  const codes = ({ notes }: z.infer<typeof answerSchema>) => notes.map(({ code, count }) => [code, count]);
  expect(codes(all)).toEqual([
    ['near_duplicate', 1],
    ['enlarged', 1],
    ['cropped', 1],
  ]);
  expect(codes(few)).toEqual([['near_duplicate', 1]]);
  expect(few.buckets.map(({ pictures }) => pictures)).toEqual([6]);
});

test('a person drops pictures and keeps some against a rule; the pages stay, and so do the decisions', async () => {
  const before = await prepare({ rules: { blur: { min: 1 } } });
  expect(before.rejects.map(({ name }) => name)).toEqual(['flat.png']);
  await approve({ 'flat.png': { decision: 'keep' }, 'short.png': { decision: 'drop', note: 'not mine' } });
  const after = await prepare({ rules: { blur: { min: 1 } } });
  expect(after.rejects).toMatchObject([{ name: 'short.png', reason: 'dropped in the list of approvals' }]);
  expect(after.curation).toMatchObject({ left_out: 1, by_list: 1 });
  expect(await names(after.digest)).toEqual(
    Object.keys(FILES)
      .filter(name => name !== 'short.png')
      .sort(),
  );
  const [old, now] = [await lab.dataset(before.digest), await lab.dataset(after.digest)];
  expect(now.pages).toEqual(old.pages);
  expect(now.removed).not.toEqual(old.removed);
  // Without rules, too; and a new import of the same pictures changes nothing.
  const listed = await prepare({});
  expect(listed.rejects.map(({ name }) => name)).toEqual(['short.png']);
  await lab.executor.callEffect('import', { dataset: 'mine', tar });
  expect((await prepare({})).digest).toBe(listed.digest);
});

test('of near-duplicates whose first is dropped, the second stays', async () => {
  await approve({ 'plain.png': { decision: 'drop' } });
  const { rejects } = await prepare({ rules: { duplicate: { max: 0 } } });
  expect(rejects.map(({ name }) => name)).toEqual(['plain.png']);
});

test('pictures are named by id, name or digest of the original; unknown ones are refused by name', async () => {
  const { value: head } = await requireDatasetHead(lab.store, 'mine');
  const [first, second, third] = await lab.items(head.dataset);
  const digest = `sha256:${third?.id}${'0'.repeat(48)}`;
  await approve({
    [first?.id ?? '']: { decision: 'drop' },
    [second?.name ?? '']: { decision: 'keep' },
    [digest]: { decision: 'drop' },
  });
  const { value } = await readApprovals(lab.store, 'mine');
  expect(Object.values(value.pictures).map(({ decision, name }) => [name, decision])).toEqual(
    expect.arrayContaining([
      [first?.name, 'drop'],
      [second?.name, 'keep'],
      [third?.name, 'drop'],
    ]),
  );
  expect(await describeApprovals(lab, head, value)).toMatchObject({
    counts: { keep: 1, drop: 2, undecided: 5 },
    pending: 2,
  });
  const wrong = approve({ 'nobody.png': { decision: 'drop' }, [first?.id ?? '']: undefined });
  await expect(wrong).rejects.toThrow('1 picture is not in "mine": nobody.png');
  expect((await readApprovals(lab.store, 'mine')).value).toEqual(value);
  await expect(
    approve({ [first?.id ?? '']: { decision: 'drop' }, [first?.name ?? '']: { decision: 'keep' } }),
  ).rejects.toThrow(Unprocessable);
});

test('a picture that a limit rejects is not pending, whatever the list says of it', async () => {
  await prepare({ min_side: 41 });
  const { value: head } = await requireDatasetHead(lab.store, 'mine');
  const rejected = (await lab.dataset(head.dataset)).rejects;
  expect(rejected.map(({ name }) => name)).toContain('tiny.png');
  await approve({ 'tiny.png': { decision: 'keep' } });
  const { value } = await readApprovals(lab.store, 'mine');
  expect(await describeApprovals(lab, head, value)).toMatchObject({ counts: { keep: 1 }, pending: 0 });
});

test('scores that a classifier has written are measures, too', async () => {
  const { digest } = await prepare({ rules: {} });
  const made = await lab.dataset(digest);
  const scores = (await lab.items(digest)).map(({ id, name }) => {
    const record = { v: 1, scores: { fox: name === 'short.png' ? 0.9 : 0.1 } };
    return [memberName('scores', id), Buffer.from(JSON.stringify(record))] as const;
  });
  const column = await lab.blobs.put(packColumn(new Map(scores)), 'application/x-tar');
  const pages = made.pages.map(page => ({ ...page, columns: { ...page.columns, scores: column.digest } }));
  const scored = await putDocument(lab.blobs, { ...made, pages, links: [...made.links, column.digest] });
  const curated = outputOf(await lab.executor.call('curate', { dataset: scored.digest }));
  const body = { dataset: curated, rules: { scores: { fox: { max: 0.5 } } } };
  const selection = outputOf(await lab.executor.call('select', body), 'selection');
  const { drop } = JSON.parse(Buffer.from(await lab.blobs.get(selection)).toString());
  expect(drop).toMatchObject([{ reason: 'the score "fox" is 0.9; expected at most 0.5 (rules.scores.fox.max)' }]);
});

test('a rule on a measure that no picture has is refused by name', async () => {
  await expect(prepare({ rules: { joints_lost: { max: 0 }, scores: { nude: { max: 0.5 } } } })).rejects.toThrow(
    'no picture has the measure that a rule reads: joints_lost, scores.nude',
  );
  await expect(prepare({ rules: { blur: {} } })).rejects.toThrow();
  await expect(prepare({ rules: { blur: { min: 2, max: 1 } } })).rejects.toThrow();
});
