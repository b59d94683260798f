import { beforeEach, expect, test } from 'vitest';
import { digestOf } from '../../storage/digest.ts';
import { createTestServer, jsonOf, problemOf, type TestServer } from '../testing/server.ts';

let server: TestServer;
const weights = { model: [digestOf('weights')] };
const license = { name: 'MIT', read_in: 'LICENSE of the wheel', text: digestOf('MIT') };
const model = { weights, source: 'a wheel', license };

beforeEach(async () => {
  server = createTestServer();
  for (const text of ['weights', 'MIT', 'other']) await server.blobs.put(Buffer.from(text));
});

test('a model can be stored, shown, listed, replaced and deleted', async () => {
  expect((await server.send('PUT', '/models/thing', model)).status).toBe(201);
  expect((await server.send('PUT', '/models/thing', model)).status).toBe(200);
  expect(await jsonOf(server.send('GET', '/models/thing'))).toEqual({ v: 1, name: 'thing', ...model });
  const other = { ...model, weights: { model: [digestOf('other')] } };
  expect((await server.send('PUT', '/models/thing', other)).status).toBe(201);
  const list = await jsonOf(server.send('GET', '/models'));
  expect(list.models).toEqual([{ v: 1, name: 'thing', ...other, bytes: 5 }]);
  expect(list.available).toContainEqual(expect.objectContaining({ name: 't5-large', parts: expect.anything() }));
  expect((await server.send('DELETE', '/models/thing')).status).toBe(204);
  expect(await problemOf(server.send('GET', '/models/thing'))).toMatchObject({ status: 404 });
  expect(await problemOf(server.send('DELETE', '/models/thing'))).toMatchObject({ status: 404 });
});

test('a model with weights that are not stored, without a licence, or with a wrong name is refused', async () => {
  const missing = server.send('PUT', '/models/thing', { ...model, weights: { model: [digestOf('nobody')] } });
  expect(await problemOf(missing)).toMatchObject({ status: 404, detail: `there is no blob ${digestOf('nobody')}` });
  const { license: _, ...free } = model;
  expect(await problemOf(server.send('PUT', '/models/thing', free))).toMatchObject({ status: 400 });
  expect(await problemOf(server.send('PUT', '/models/Thing', model))).toMatchObject({ status: 400 });
});

test('verify and gc know models, and keep their weights', async () => {
  await server.send('PUT', '/models/thing', model);
  const { listRoots } = await import('../../storage/gc/roots.ts');
  const roots = [];
  for await (const root of listRoots(server.store)) roots.push(root);
  expect(roots).toMatchObject([
    {
      key: 'refs/models/thing.json',
      links: [digestOf('weights'), digestOf('MIT')].map(digest => ({ digest, kind: 'leaf' })),
    },
  ]);
});
