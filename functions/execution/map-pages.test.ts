import { expect, test } from 'vitest';
import { readColumn } from '../../formats/webdataset.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { blobKey } from '../../storage/keys.ts';
import { type Dataset, datasetSchema } from '../../storage/records.ts';
import type { CallAnswer } from '../define.ts';
import { createLab, type Lab, putDataset } from '../testing/functions.ts';

const PAGES = 5;

function namesOf(count: number, prefix = 'n'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${String(i).padStart(4, '0')}`);
}

function outputOf(answer: CallAnswer): Digest {
  const ref = answer.result.outputs.dataset;
  if (ref === undefined) throw new Error('no dataset');
  return ref.digest;
}

async function readMade(lab: Lab, answer: CallAnswer): Promise<Dataset> {
  return datasetSchema.parse(JSON.parse(Buffer.from(await lab.blobs.get(outputOf(answer))).toString()));
}

test('a page function adds a column to every page, in the order of the pages', async () => {
  const lab = createLab();
  const names = namesOf(64 * PAGES - 10);
  const { dataset, document } = await putDataset(lab.blobs, names);
  const answer = await lab.executor.call('upper', { dataset });
  expect(answer.result.stats).toMatchObject({
    pages: { total: PAGES, computed: PAGES, cached: 0 },
    items: { total: names.length, computed: names.length, cached: 0 },
  });
  const made = await readMade(lab, answer);
  expect(made.pages.map(page => page.items)).toEqual(document.pages.map(page => page.items));
  expect(made.counts).toEqual(document.counts);
  const captions: string[] = [];
  for (const page of made.pages) {
    const column = page.columns.caption;
    if (column === undefined) throw new Error('no column');
    for (const body of readColumn(await lab.blobs.get(column)).values()) captions.push(Buffer.from(body).toString());
  }
  expect(captions).toEqual(names.map(name => `${name.toUpperCase()}!`));
});

test('a dataset links every page, every column, and its earlier links', async () => {
  const lab = createLab();
  const { dataset, document } = await putDataset(lab.blobs, namesOf(70));
  const answer = await lab.executor.call('upper', { dataset });
  const made = await readMade(lab, answer);
  const columns = made.pages.flatMap(page => Object.values(page.columns));
  expect(columns).toHaveLength(2);
  expect(new Set(made.links)).toEqual(new Set([...document.links, ...columns]));
  expect(new Set(answer.result.links)).toEqual(new Set(made.links));
});

test('one pass can add several columns and describe their encoder', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, namesOf(3));
  const captioned = outputOf(await lab.executor.call('upper', { dataset }));
  const made = await readMade(lab, await lab.executor.call('measure', { dataset: captioned }));
  expect(Object.keys(made.pages[0]?.columns ?? {}).sort()).toEqual(['caption', 'cls', 'text']);
  expect(made.encoders).toEqual({ text: { name: 'length', dim: 1, tokens: 1 } });
});

test('equal pages are hits: one more picture computes one new page', async () => {
  const lab = createLab();
  const names = namesOf(128);
  const first = await putDataset(lab.blobs, names);
  await lab.executor.call('upper', { dataset: first.dataset });
  const second = await putDataset(lab.blobs, [...names, 'new']);
  const answer = await lab.executor.call('upper', { dataset: second.dataset });
  expect(answer.result.stats).toMatchObject({
    pages: { total: 3, computed: 1, cached: 2 },
    items: { total: 129, computed: 1, cached: 128 },
  });
});

test('the notes of all pages, cached ones too, are added up without removed pictures', async () => {
  const lab = createLab();
  const names = namesOf(130);
  const { dataset, document } = await putDataset(lab.blobs, names);
  await lab.executor.call('upper', { dataset });
  const gone = digestOf(names[1] ?? '').slice(7, 23);
  const fewer = await putDocument(lab.blobs, { ...document, removed: [gone] });
  const answer = await lab.executor.call('upper', { dataset: fewer.digest });
  expect(answer.result.stats).toMatchObject({ pages: { computed: 0, cached: 3 } });
  const { notes } = await readMade(lab, answer);
  expect(notes).toMatchObject([{ code: 'caption_missing', count: 129 }]);
  expect(notes?.[0]?.examples.slice(0, 2)).toEqual([
    { name: names[0], text: '!' },
    { name: names[2], text: '!' },
  ]);
});

test('a stage that runs again replaces its notes, and one on another column leaves them', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, namesOf(3));
  const captioned = outputOf(await lab.executor.call('upper', { dataset }));
  const measured = await readMade(lab, await lab.executor.call('measure', { dataset: captioned }));
  expect(measured.notes).toMatchObject([{ count: 3, examples: [{ text: '!' }, { text: '!' }, { text: '!' }] }]);
  const again = await readMade(lab, await lab.executor.call('upper', { dataset: captioned, mark: '?' }));
  expect(again.notes).toMatchObject([{ count: 3, examples: [{ text: '?' }, { text: '?' }, { text: '?' }] }]);
});

test('an unrelated column does not invalidate a page', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, namesOf(10));
  const captioned = outputOf(await lab.executor.call('upper', { dataset }));
  const measured = outputOf(await lab.executor.call('measure', { dataset: captioned }));
  const again = await lab.executor.call('upper', { dataset: measured });
  expect(again.cache).toBe('miss');
  expect(again.result.stats).toMatchObject({ pages: { computed: 0, cached: 1 } });
  expect(outputOf(again)).toBe(measured);
});

test('when a column changes, columns that were computed from it are removed', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, namesOf(10));
  const captioned = outputOf(await lab.executor.call('upper', { dataset }));
  const measured = outputOf(await lab.executor.call('measure', { dataset: captioned }));
  const changed = await readMade(lab, await lab.executor.call('upper', { dataset: measured, mark: '?' }));
  expect(Object.keys(changed.pages[0]?.columns ?? {})).toEqual(['caption']);
  expect(changed.encoders).toEqual({});
});

test('after a stop in the middle only the missing pages are computed', async () => {
  const lab = createLab();
  const names = namesOf(64 * PAGES);
  const { dataset } = await putDataset(lab.blobs, names);
  lab.bench.poison = names[64 * 3];
  await expect(lab.executor.call('upper', { dataset })).rejects.toThrow(`cannot read ${names[64 * 3]}`);
  const done = lab.bench.runs.length - 1;
  expect(done).toBeGreaterThanOrEqual(2);
  expect(done).toBeLessThanOrEqual(4);

  const restarted = createLab({ store: lab.store });
  const answer = await restarted.executor.call('upper', { dataset });
  expect(answer.result.stats).toMatchObject({ pages: { total: PAGES, computed: PAGES - done, cached: done } });
  expect(restarted.bench.runs).toHaveLength(PAGES - done);
});

test('a cancelled map ends as cancelled and computes no more pages', async () => {
  const lab = createLab({ concurrency: 1 });
  const { dataset } = await putDataset(lab.blobs, namesOf(64 * PAGES));
  const controller = new AbortController();
  const call = lab.executor.call(
    'upper',
    { dataset },
    { signal: controller.signal, onEvent: () => controller.abort() },
  );
  await expect(call).rejects.toMatchObject({ code: 'cancelled' });
  await lab.executor.close();
  expect(lab.bench.runs.length).toBeLessThan(PAGES);
});

test('two datasets that share pages compute each page once', async () => {
  const lab = createLab({ concurrency: 4 });
  const names = namesOf(64 * PAGES);
  const one = await putDataset(lab.blobs, names);
  const two = await putDataset(lab.blobs, [...names, 'more']);
  await Promise.all([one, two].map(({ dataset }) => lab.executor.call('upper', { dataset })));
  expect(lab.bench.runs).toHaveLength(PAGES + 1);
});

test('a lost column is made again when it is needed', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, namesOf(128));
  const answer = await lab.executor.call('upper', { dataset });
  const made = await readMade(lab, answer);
  const column = made.pages[1]?.columns.caption;
  if (column === undefined) throw new Error('no column');
  await lab.store.delete(blobKey(column));
  lab.bench.runs.length = 0;
  const measured = await lab.executor.call('measure', { dataset: outputOf(answer) });
  expect((await readMade(lab, measured)).pages[1]?.columns.caption).toBe(column);
  expect(lab.bench.runs.filter(run => run.startsWith('upper'))).toEqual(['upper n0064']);
});

test('after a restart, a lost column is made again although later stages link it too', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, namesOf(128));
  const captioned = await lab.executor.call('upper', { dataset });
  const measured = outputOf(await lab.executor.call('measure', { dataset: outputOf(captioned) }));
  const column = (await readMade(lab, captioned)).pages[1]?.columns.caption;
  if (column === undefined) throw new Error('no column');
  await lab.store.delete(blobKey(column));
  const restarted = createLab({ store: lab.store });
  // `measure` needs the lost captions to run again.
  const again = await restarted.executor.call('measure', { dataset: measured }, { skipCache: true });
  expect(outputOf(again)).toBe(measured);
  expect(restarted.bench.runs.filter(run => run.startsWith('upper'))).toEqual(['upper n0064']);
});

test('a call does not wait for itself to make a lost blob again that only its own results link', async () => {
  const lab = createLab();
  const { dataset, document } = await putDataset(lab.blobs, namesOf(3));
  await lab.executor.call('upper', { dataset });
  const items = document.pages[0]?.items;
  if (items === undefined) throw new Error('no page');
  await lab.store.delete(blobKey(items));
  await expect(lab.executor.call('upper', { dataset }, { skipCache: true })).rejects.toMatchObject({
    code: 'blob_missing',
    details: { digest: items },
  });
});

test('skipCache computes every page again', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, namesOf(128));
  await lab.executor.call('upper', { dataset });
  const again = await lab.executor.call('upper', { dataset }, { skipCache: true });
  expect(again.result.stats).toMatchObject({ pages: { computed: 2, cached: 0 } });
});

test('errors name a missing column, and a blob that is not a dataset', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, namesOf(3));
  await expect(lab.executor.call('measure', { dataset })).rejects.toThrow('needs the column "caption"');
  const { digest } = await lab.blobs.put(Buffer.from('{"v":1}'), 'application/json');
  await expect(lab.executor.call('upper', { dataset: digest })).rejects.toMatchObject({ code: 'unprocessable' });
});

test('an empty dataset stays empty', async () => {
  const lab = createLab();
  const { dataset } = await putDataset(lab.blobs, []);
  expect(outputOf(await lab.executor.call('upper', { dataset }))).toBe(dataset);
});
