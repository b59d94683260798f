import { beforeEach, expect, test } from 'vitest';
import { putDataset } from '../../functions/testing/functions.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { digestOf } from '../../storage/digest.ts';
import { createTestServer, jsonOf, problemOf, type TestServer } from '../testing/server.ts';

let server: TestServer;
let dataset: Digest;
const names = Array.from({ length: 150 }, (_, i) => `n${i}`);

beforeEach(async () => {
  server = createTestServer();
  dataset = (await putDataset(server.blobs, names)).dataset;
});

test('the name of a dataset can be made, shown, listed, moved and deleted', async () => {
  expect((await server.send('PUT', '/datasets/letters', { dataset })).status).toBe(201);
  const shown = await server.send('GET', '/datasets/letters');
  expect(await jsonOf(shown)).toMatchObject({
    v: 1,
    name: 'letters',
    dataset,
    pages: 3,
    columns: [],
    counts: { items: 150 },
  });
  expect(await jsonOf(server.send('GET', '/datasets'))).toEqual({ v: 1, datasets: [{ name: 'letters', dataset }] });
  const other = (await putDataset(server.blobs, ['x'])).dataset;
  const stale = { 'if-match': '"another"' };
  expect(await problemOf(server.send('PUT', '/datasets/letters', { dataset: other }, stale))).toMatchObject({
    status: 412,
  });
  const fresh = { 'if-match': shown.headers.get('etag') ?? '' };
  expect((await server.send('PUT', '/datasets/letters', { dataset: other }, fresh)).status).toBe(200);
  expect((await jsonOf(server.send('GET', '/datasets/letters'))).counts).toEqual({ items: 1 });
  expect((await server.send('DELETE', '/datasets/letters')).status).toBe(204);
  expect((await server.send('GET', '/datasets/letters')).status).toBe(404);
  expect((await server.send('DELETE', '/datasets/letters')).status).toBe(404);
});

test('the view of a dataset follows its name', async () => {
  const keys = async () => (await server.store.list('datasets/')).objects.map(object => object.key);
  await server.send('PUT', '/datasets/letters', { dataset });
  const pages = ['0000', '0001', '0002'].map(page => `datasets/letters/pages/${page}/items.jsonl`);
  const summary = ['datasets/letters/README.md', 'datasets/letters/index.json'];
  expect(await keys()).toEqual([...summary, ...pages, 'datasets/letters/report.html']);
  const few = (await putDataset(server.blobs, ['x'])).dataset;
  await server.send('PUT', '/datasets/letters', { dataset: few });
  expect(await keys()).toEqual([...summary, pages[0], 'datasets/letters/report.html']);
  await server.send('PUT', '/datasets/letters-2', { dataset: few });
  expect((await server.send('DELETE', '/datasets/letters')).status).toBe(204);
  expect((await keys()).every(key => key.startsWith('datasets/letters-2/'))).toBe(true);
});

test('items of a dataset are listed once each, in order, with any limit', async () => {
  await server.send('PUT', '/datasets/letters', { dataset });
  for (const limit of [1, 7, 64, 100, 1000]) {
    const seen: string[] = [];
    for (let after = ''; ; ) {
      const page = await jsonOf(server.send('GET', `/datasets/letters/items?limit=${limit}&after=${after}`));
      expect(page.items.length).toBeLessThanOrEqual(limit);
      seen.push(...page.items.map((item: { readonly name: string }) => item.name));
      if (page.next === undefined) break;
      after = page.next;
    }
    expect(seen).toEqual(names);
  }
});

test('removed items of a dataset are not listed', async () => {
  const { document } = await putDataset(server.blobs, ['a', 'b', 'c']);
  const removed = [digestOf('b').slice(7, 23)];
  const { digest } = await putDocument(server.blobs, { ...document, removed });
  await server.send('PUT', '/datasets/less', { dataset: digest });
  const { items } = await jsonOf(server.send('GET', '/datasets/less/items'));
  expect(items.map((item: { readonly name: string }) => item.name)).toEqual(['a', 'c']);
});

test('a blob that is not a dataset gets no name', async () => {
  const { digest } = await server.blobs.put(Buffer.from('{}'), 'application/json');
  expect(await problemOf(server.send('PUT', '/datasets/letters', { dataset: digest }))).toMatchObject({ status: 422 });
  const unknown = server.send('PUT', '/datasets/letters', { dataset: digestOf('nobody stored this') });
  expect(await problemOf(unknown)).toMatchObject({ status: 404 });
  expect(await problemOf(server.send('PUT', '/datasets/Big_Letters', { dataset }))).toMatchObject({ status: 400 });
  expect(await problemOf(server.send('PUT', '/datasets/letters', { datset: dataset }))).toMatchObject({
    errors: [{ pointer: '/dataset' }, { detail: 'unknown key "datset"; did you mean "dataset"?' }],
  });
});

test('a wrong limit or cursor is refused', async () => {
  await server.send('PUT', '/datasets/letters', { dataset });
  for (const query of ['limit=0', 'limit=5000', 'limit=x', 'after=x']) {
    expect((await server.send('GET', `/datasets/letters/items?${query}`)).status, query).toBe(400);
  }
});

test('the home page shows datasets as text', async () => {
  await server.send('PUT', '/datasets/letters', { dataset });
  const page = await (await server.send('GET', '/')).text();
  expect(page).toContain('<a href="/datasets/letters">letters</a>');
  expect(page).toContain('None yet.');
});
