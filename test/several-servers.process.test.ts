/** @file Two servers and two gpu-runners, as on two hosts, over one folder: real processes, stopped and woken. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findExperimentFaults } from '../functions/testing/history.ts';
import { type Folder, openFolder, openSite, type Site } from './site/open-site.ts';
import type { Answer } from './site/send.ts';
import { LAST_STEP, PORTRAITS, SLOW_MODEL, smallExperiment } from './site/small-experiment.ts';

const LEASE_SECONDS = 2;
const RUN = { chunk_steps: 8, keep: 1, preview: { prompts: ['a smiling person'], steps: 2 } };
/** Can be stopped in the middle of a chunk. */
const SLOW = smallExperiment('faces', RUN, SLOW_MODEL);

let place: Folder;
let hosts: readonly [Site, Site];

beforeAll(async () => {
  place = await openFolder();
  const env = { EASEL_LEASE_SECONDS: String(LEASE_SECONDS) };
  hosts = await Promise.all([openSite({ place, env }), openSite({ place, env })]);
});

afterAll(async () => {
  await Promise.all((hosts ?? []).map(host => host.close()));
  await place.remove();
});

/** The same call at both at once; both must succeed. */
async function sendToBoth(method: string, path: string, body: unknown): Promise<readonly Answer[]> {
  const answers = await Promise.all(hosts.map(host => host.send(method, path, body)));
  for (const { status, bytes } of answers) expect([200, 201], bytes.toString()).toContain(status);
  return answers;
}

const findFaults = (name: string) => hosts[0].withStore(store => findExperimentFaults(store, name));

/** What one server alone over a folder of its own ends with. */
async function trainUndisturbed(): Promise<string> {
  const alone = await openSite();
  try {
    await alone.send('POST', '/functions/prepare', PORTRAITS);
    await alone.send('PUT', '/experiments/run', SLOW);
    const { result } = await alone.expectJson(200, 'POST', '/experiments/run/train', {});
    expect(result).toMatchObject({ state: 'done', step: LAST_STEP });
    return result.checkpoint;
  } finally {
    await alone.close();
  }
}

test('equal calls to two servers at once end in one result', async () => {
  const prepared = await sendToBoth('POST', '/functions/prepare', PORTRAITS);
  expect(prepared[0]?.body.result.digest).toBe(prepared[1]?.body.result.digest);
  await sendToBoth('PUT', '/experiments/run', smallExperiment('faces', RUN));
  const trained = await sendToBoth('POST', '/experiments/run/train', {});
  expect(trained[0]?.body.result).toMatchObject({ state: 'done', step: LAST_STEP });
  expect(trained[1]?.body.result).toEqual(trained[0]?.body.result);
  const sampled = await sendToBoth('POST', '/sample', { model: 'run', prompt: 'a person', steps: 3, seed: 1 });
  expect(sampled[0]?.body.image).toEqual(sampled[1]?.body.image);
  expect(await findFaults('run')).toEqual([]);
}, 120_000);

test('a server that sleeps past the expiry of its lease loses the head when it wakes, and nothing else', async () => {
  const [first, second] = hosts;
  const checkpoint = await trainUndisturbed();
  await first.send('PUT', '/experiments/stopped', SLOW);
  const interrupted = first.send('POST', '/experiments/stopped/train', {});
  await first.waitForExperiment('stopped', ({ progress }) => progress?.done > 8);
  first.kill(['server', 'runner'], 'SIGSTOP');
  try {
    expect(await second.expectJson(200, 'GET', '/experiments/stopped')).toMatchObject({ state: 'running' });
    const { result } = await second.expectJson(200, 'POST', '/experiments/stopped/train', {});
    expect(result).toMatchObject({ state: 'done', step: LAST_STEP, checkpoint });
  } finally {
    first.kill(['server', 'runner'], 'SIGCONT');
  }
  const { status, body } = await interrupted;
  expect(status, JSON.stringify(body)).toBe(409);
  expect(body).toMatchObject({ code: 'conflict', retryable: true });
  expect(body.detail).toMatch(/is driven by pid \d+|was moved by another call/);
  // The same call again is answered with what the other did.
  const again = await first.expectJson(200, 'POST', '/experiments/stopped/train', {});
  expect(again.result).toMatchObject({ state: 'done', checkpoint });
  expect(again.result.chunks.map((chunk: { from: number; to: number }) => [chunk.from, chunk.to])).toEqual([
    [0, 8],
    [8, 16],
    [16, 24],
  ]);
  expect(await findFaults('stopped')).toEqual([]);
}, 180_000);
