/** @file What goes and what stays, as people ask for it: names deleted over HTTP, then gc. */
import { beforeEach, describe, expect, test } from 'vitest';
import { ASKED_ENGINE, listKeys, putToyDataset, TOY_CONFIG } from '../../functions/testing/training.ts';
import { SYSTEM_CLOCK } from '../../storage/clock.ts';
import { type Digest, digestOf } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { GRACE_MS, LIFETIMES } from '../../storage/gc/lifetimes.ts';
import { blobKey } from '../../storage/keys.ts';
import { acquireLease } from '../../storage/names/lease.ts';
import { createTrainingServer, type TrainingServer } from '../testing/training.ts';

/** How far the clock of the server and its store is ahead, milliseconds. */
let ahead: number;
let server: TrainingServer;

beforeEach(async () => {
  ahead = 0;
  const lifetimes = { ...LIFETIMES, clock };
  server = await createTrainingServer(createMemoryStore(new Map(), now), lifetimes);
  await server.expectJson(201, 'PUT', '/datasets/hats', { dataset: server.dataset });
});

const now = () => Date.now() + ahead;
const clock = { ...SYSTEM_CLOCK, now };

async function create(name: string, dataset = 'hats'): Promise<void> {
  await server.expectJson(201, 'PUT', `/experiments/${name}`, { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
}

async function train(name: string): Promise<void> {
  const { result } = await server.expectJson(200, 'POST', `/experiments/${name}/train`, {}, { prefer: 'wait=60' });
  expect(result.state).toBe('done');
}

// biome-ignore lint/suspicious/noExplicitAny: a document of the wire
async function gc(body: object = { delete: true }): Promise<any> {
  return (await server.expectJson(200, 'POST', '/functions/gc', body, { prefer: 'wait=60' })).result;
}

/** Now, and again when the grace period has passed: then everything that may go is gone. */
async function collect(): Promise<void> {
  await gc();
  ahead += GRACE_MS;
  await gc();
}

const has = async (digest: Digest) => (await server.store.head(blobKey(digest))) !== undefined;

async function columnsOf(digest: Digest): Promise<Digest[]> {
  const { links } = JSON.parse(Buffer.from(await server.blobs.get(digest)).toString());
  expect(links.length).toBeGreaterThan(3);
  return links;
}

test('a time beyond a hundred years is refused with key and bound, whether or not something is noted', async () => {
  const ask = { delete: false, alone: true, grace_seconds: 1.66e128, retention_seconds: 2.7e307 };
  const refused = async () => (await server.expectJson(400, 'POST', '/functions/gc', ask)).errors;
  const errors = await refused();
  expect(errors).toEqual([
    { pointer: '/grace_seconds', detail: 'expected at most 3155760000, got 1.66e+128' },
    { pointer: '/retention_seconds', detail: 'expected at most 3155760000, got 2.7e+307' },
  ]);
  expect((await server.send('DELETE', '/datasets/hats')).status).toBe(204);
  expect(await gc()).toMatchObject({ next_due_at: expect.any(String) });
  expect(await refused()).toEqual(errors);
  const longest = { delete: false, alone: true, grace_seconds: 3155760000, retention_seconds: 3155760000 };
  expect(await gc(longest)).toMatchObject(longest);
});

describe('a dataset that is deleted', () => {
  test('a deleted dataset is erased with its pictures, and no other object is', async () => {
    const other = await putToyDataset(server.blobs, { count: 3 });
    await server.expectJson(201, 'PUT', '/datasets/others', { dataset: other });
    const [gone, stays] = [await columnsOf(server.dataset), await columnsOf(other)];
    expect((await server.send('DELETE', '/datasets/hats')).status).toBe(204);
    await collect();
    expect(await Promise.all([server.dataset, ...gone].map(has))).toEqual([server.dataset, ...gone].map(() => false));
    expect(await Promise.all([other, ...stays].map(has))).toEqual([other, ...stays].map(() => true));
  });

  test('deleting a dataset is refused while experiments use its pictures, in any version', async () => {
    await create('earlier');
    const document = JSON.parse(Buffer.from(await server.blobs.get(server.dataset)).toString());
    const later = await server.blobs.put(Buffer.from(JSON.stringify({ ...document, counts: { pictures: 2 } })));
    await server.expectJson(200, 'PUT', '/datasets/hats', { dataset: later.digest });
    const other = await putToyDataset(server.blobs, { count: 3, side: 24 });
    await server.expectJson(201, 'PUT', '/datasets/others', { dataset: other });
    await create('stranger', 'others');
    const refused = await server.expectJson(409, 'DELETE', '/datasets/hats');
    expect(refused.detail).toMatch(/used by experiments: earlier$/);
    expect(refused.hint).toContain('?force');
    await server.expectJson(200, 'GET', '/datasets/hats');
    expect((await server.send('DELETE', '/experiments/earlier')).status).toBe(204);
    expect((await server.send('DELETE', '/datasets/hats')).status).toBe(204);
    await collect();
    expect(await has(server.dataset)).toBe(false);
    expect(await has(other)).toBe(true);
  });

  test('deleting by force leaves experiments their checkpoints; training says why it cannot go on', async () => {
    await create('run');
    await train('run');
    const before = await server.expectJson(200, 'GET', '/experiments/run');
    const columns = await columnsOf(server.dataset);
    expect((await server.send('DELETE', '/datasets/hats?force')).status).toBe(204);
    await collect();
    expect(await Promise.all(columns.map(has))).toEqual(columns.map(() => false));
    const after = await server.expectJson(200, 'GET', '/experiments/run');
    expect(after).toMatchObject({ dataset_deleted: true, checkpoint: before.checkpoint });
    const body = { model: 'run', prompt: 'a hat' };
    expect((await server.send('POST', '/sample', body)).status).toBe(200);
    expect((await server.expectJson(200, 'GET', '/experiments/run/previews')).previews).toHaveLength(4);
    const refused = await server.expectJson(
      422,
      'POST',
      '/experiments/run/train',
      { target: 192 },
      { prefer: 'wait=60' },
    );
    expect(refused.detail).toMatch(/pictures .* were deleted/);
    // Nothing is left to do, so nothing is missing.
    await train('run');
  });

  test('deleting by force is refused while an experiment on the pictures is in training', async () => {
    await create('run');
    await acquireLease(server.store, 'run', { holder: 'somebody', clock });
    expect(await server.expectJson(409, 'DELETE', '/datasets/hats?force')).toMatchObject({
      detail: 'the experiment "run" is in training (by somebody)',
      hint: 'POST /experiments/run/pause, then delete the dataset when its chunk has ended',
    });
    ahead += 60_000;
    expect((await server.send('DELETE', '/datasets/hats?force')).status).toBe(204);
  });

  test('preparing a deleted dataset again gives experiments their data back', async () => {
    await create('run');
    expect((await server.send('DELETE', '/datasets/hats?force')).status).toBe(204);
    await collect();
    await server.expectJson(422, 'POST', '/experiments/run/train', {}, { prefer: 'wait=60' });
    const body = { config: TOY_CONFIG, dataset: server.dataset, engine: ASKED_ENGINE };
    expect(await server.expectJson(404, 'PUT', '/experiments/run', body)).toMatchObject({ code: 'blob_missing' });
    expect(await putToyDataset(server.blobs)).toBe(server.dataset);
    const restored = await server.expectJson(200, 'PUT', '/experiments/run', body);
    expect(restored.dataset_deleted).toBeUndefined();
    await train('run');
  });
});

describe('an experiment', () => {
  test('an experiment keeps the objects that it shows; deleting it erases them', async () => {
    await create('run');
    await train('run');
    await collect();
    expect((await server.expectJson(200, 'GET', '/experiments/run/previews')).previews).toHaveLength(4);
    expect((await server.expectJson(200, 'GET', '/experiments/run/metrics')).series.step).toHaveLength(16);
    expect((await server.send('POST', '/sample', { model: 'run', prompt: 'a hat' })).status).toBe(200);
    const computed = server.runner.computed.length;
    await train('run');
    expect(server.runner.computed.length).toBe(computed);
    expect((await server.send('DELETE', '/experiments/run')).status).toBe(204);
    await collect();
    const columns = await columnsOf(server.dataset);
    const left = await listKeys(server.store, 'cas/');
    // The picture that was asked for by itself stays for a while, beside the dataset.
    const sampled = await listKeys(server.store, 'actions/');
    expect(sampled).toEqual([expect.stringMatching(/^actions\/sample\//)]);
    expect(left.length).toBe(columns.length + 1 + 2);
    ahead += 30 * 24 * 3_600_000;
    await collect();
    expect(await listKeys(server.store, 'cas/')).toEqual([server.dataset, ...columns].map(blobKey).sort());
    expect(await listKeys(server.store, 'actions/')).toEqual([]);
  });
});

describe('the call', () => {
  test('gc is a dry run by default', async () => {
    await server.blobs.put(Buffer.from('stray'));
    const before = await listKeys(server.store, 'cas/');
    const first = await gc({});
    expect(first).toMatchObject({
      v: 1,
      delete: false,
      due: { objects: 0 },
      swept: { objects: 0 },
      kinds: { other: { garbage: { objects: 1, bytes: 5 } } },
      oldest_root: { key: 'refs/datasets/hats.json' },
      missing: [],
    });
    expect(first.next_due_at).toBeUndefined();
    const noted = await gc();
    expect(Math.abs(Date.parse(noted.next_due_at) - now() - GRACE_MS)).toBeLessThan(60_000);
    expect(await listKeys(server.store, 'cas/')).toEqual(before);
    ahead += GRACE_MS;
    expect(await gc({})).toMatchObject({ kinds: { other: { due: { objects: 1 } } }, swept: { objects: 0 } });
    expect(await gc()).toMatchObject({ kinds: { other: { swept: { objects: 1, bytes: 5 } } } });
    expect(await has(digestOf('stray'))).toBe(false);
  });

  test('gc refuses a grace period that is too short to be safe beside others', async () => {
    const refused = await server.expectJson(400, 'POST', '/functions/gc', { grace_seconds: 3600 });
    expect(refused.errors).toEqual([{ pointer: '/grace_seconds', detail: expect.stringContaining('172800') }]);
    await server.expectJson(400, 'POST', '/functions/gc', { retention_seconds: 3600 });
    await server.blobs.put(Buffer.from('stray'));
    const alone = { delete: true, grace_seconds: 0, alone: true };
    await gc(alone);
    expect((await gc(alone)).kinds.other.swept.objects).toBe(1);
  });

  test('gc refuses `alone` while an experiment is in training', async () => {
    await create('run');
    await acquireLease(server.store, 'run', { holder: 'somebody', clock });
    const body = { delete: true, grace_seconds: 0, alone: true };
    const refused = await server.expectJson(409, 'POST', '/functions/gc', body, { prefer: 'wait=60' });
    expect(refused.detail).toContain('the experiment run is driven by somebody');
    ahead += 60_000;
    const state = { v: 1, action: digestOf('run'), function: 'prepare', state: 'running', links: [] };
    const stored = { ...state, updated_at: new Date(now()).toISOString() };
    await server.store.put('runs/aa/1/state.json', Buffer.from(JSON.stringify(stored)));
    const again = await server.expectJson(409, 'POST', '/functions/gc', body, { prefer: 'wait=60' });
    expect(again.detail).toContain('prepare runs');
    ahead += 60_000;
    await gc(body);
  });
});
