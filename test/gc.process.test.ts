/**
 * @file gc and verify beside the real processes. Called over and over during a training, gc deletes all unreachable
 * objects and no reachable one.
 */
import { lstat, lutimes, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { putToyDataset } from '../functions/testing/training.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import { walkReachable } from '../storage/gc/reachable.ts';
import { listRoots } from '../storage/gc/roots.ts';
import { openStore } from '../storage/open.ts';
import { type Folder, openFolder, openSite, type Site } from './site/open-site.ts';
import { runEasel } from './site/run-easel.ts';
import { LAST_STEP, smallExperiment } from './site/small-experiment.ts';

/** Chunks of 4 steps. */
const EXPERIMENT = smallExperiment('hats', { chunk_steps: 4, keep: 1, preview: { prompts: ['hat 1'], steps: 2 } });
const THREE_DAYS_MS = 3 * 24 * 3_600_000;

let place: Folder;
let site: Site;
beforeAll(async () => {
  place = await openFolder();
  site = await openSite({ place });
});
afterAll(async () => {
  await site.close();
  await place.remove();
});

/** The body of an answer that must be a success. */
// biome-ignore lint/suspicious/noExplicitAny: JSON of the wire, looked at by assertions
async function send(method: string, path: string, body?: unknown, headers: { prefer?: string } = {}): Promise<any> {
  const answer = await site.send(method, path, body, headers);
  if (answer.status < 300) return answer.body;
  throw new Error(`${method} ${path}: ${answer.status} ${answer.bytes}`);
}

/** Objects below a folder that were written before `time` were written three days before that. */
async function age(below: string, time: number): Promise<void> {
  for (const entry of await readdir(join(place.store, below), { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile()) continue;
    // What vanishes meanwhile needs no age.
    const written = await lstat(path).then(
      info => info.mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    const before = new Date(written - THREE_DAYS_MS);
    if (written < time) await lutimes(path, before, before).catch(() => {});
  }
}

async function gc(): Promise<{ readonly swept: { readonly objects: number } }> {
  const { stdout } = await runEasel(['gc', '--delete', '--json', '--url', site.easel.url]);
  return JSON.parse(stdout);
}

async function listBlobs(): Promise<string[]> {
  const files = await readdir(join(place.store, 'cas'), { recursive: true, withFileTypes: true });
  return files.filter(file => file.isFile()).map(file => `sha256:${file.name}`);
}

test('a training beside gc ends in the same checkpoint; gc deletes every unreachable blob and no reachable one', async () => {
  const store = await openStore(place.url);
  const blobs = createBlobStore(store);
  const dataset = await putToyDataset(blobs, { count: 20, side: 32 });
  const private_ = await putToyDataset(blobs, { count: 10, side: 16 });
  await send('PUT', '/datasets/hats', { dataset });
  await send('PUT', '/datasets/private', { dataset: private_ });
  await send('PUT', '/experiments/before', EXPERIMENT);
  const expected = (await send('POST', '/experiments/before/train', {})).result.checkpoint;
  await send('DELETE', '/experiments/before');
  await send('DELETE', '/datasets/private');
  await age('cas', Date.now());
  await age('actions', Date.now());
  expect((await gc()).swept.objects).toBe(0);
  await age('gc', Date.now());

  // The same config: some of what it makes is garbage that falls due now.
  await send('PUT', '/experiments/run', EXPERIMENT);
  await send('POST', '/experiments/run/train', {}, { prefer: 'wait=0' });
  let calls = 0;
  let swept = 0;
  while ((await send('GET', '/experiments/run')).state !== 'done') {
    calls++;
    swept += (await send('POST', '/functions/gc', { delete: true })).result.swept.objects;
    await age('gc', Date.now());
    expect((await send('POST', '/functions/verify', {})).result).toMatchObject({ ok: true });
  }
  expect(calls).toBeGreaterThan(1);
  expect(swept).toBeGreaterThan(0);
  const { result } = await send('POST', '/experiments/run/train', {});
  expect(result).toMatchObject({ state: 'done', step: LAST_STEP, checkpoint: expected });

  await age('cas', Date.now());
  await age('actions', Date.now());
  await gc();
  await age('gc', Date.now());
  await gc();
  const reachable = await walkReachable(blobs, listRoots(store, { select: ({ key }) => key.startsWith('refs/') }));
  const needed = [...reachable.digests()];
  for (const digest of needed) await blobs.get(digest);
  expect((await send('POST', '/functions/verify', {})).result).toMatchObject({ ok: true, unreferenced: { count: 0 } });
  expect((await listBlobs()).sort()).toEqual(needed.sort());
  expect(needed).not.toContain(private_);
  await store.close();
}, 180_000);
