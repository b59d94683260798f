/** @file Two servers and two gpu-runners, as on two hosts, over one folder: real processes, stopped and woken. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Easel, startEasel } from '../cli/up.ts';
import { findExperimentFaults } from '../functions/testing/history.ts';
import { openStore } from '../storage/open.ts';
import { type Answer, sendJson } from './send-json.ts';

const LEASE_SECONDS = 2;
const PORTRAITS = { dataset: 'faces', source: 'portraits', count: 20, size: 32, seed: 1 };
const LAST_STEP = 24;
const CONFIG = {
  model: { hidden_size: 32, depth: 1, num_heads: 1, patch_size: 8, bottleneck: 8, patch_overlap: 2 },
  optimizer: { total_samples: 8 * LAST_STEP, warmup_samples: 16 },
  data: { batch_size: 8 },
  run: { chunk_steps: 8, keep: 1, preview: { prompts: ['a smiling person'], steps: 2 } },
};
/** Slow enough to be stopped in the middle of a chunk. */
const SLOW = { ...CONFIG, model: { ...CONFIG.model, hidden_size: 64, depth: 3 } };

let folder: string;
let hosts: readonly Easel[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'easel-several-'));
  hosts = await Promise.all(
    ['a', 'b'].map(host =>
      startEasel({
        store: `file:${folder}`,
        port: 0,
        device: `several-${host}-${process.pid}`,
        env: { EASEL_LEASE_SECONDS: String(LEASE_SECONDS) },
      }),
    ),
  );
});

afterAll(async () => {
  await Promise.all((hosts ?? []).map(host => host.stop()));
  await rm(folder, { recursive: true });
});

const send = (host: Easel | undefined, method: string, path: string, body?: unknown) =>
  sendJson(host?.url, method, path, body);

/** The same call at both at once; both must succeed. */
async function sendToBoth(method: string, path: string, body: unknown): Promise<readonly Answer[]> {
  const answers = await Promise.all(hosts.map(host => send(host, method, path, body)));
  for (const { status, body: said } of answers) expect([200, 201], JSON.stringify(said)).toContain(status);
  return answers;
}

async function findFaults(name: string): Promise<readonly string[]> {
  const store = await openStore(`file:${folder}`);
  try {
    return await findExperimentFaults(store, name);
  } finally {
    await store.close();
  }
}

/** What one server alone over a folder of its own ends with. */
async function trainUndisturbed(): Promise<string> {
  const own = await mkdtemp(join(tmpdir(), 'easel-several-'));
  const alone = await startEasel({ store: `file:${own}`, port: 0, device: `several-alone-${process.pid}` });
  try {
    await send(alone, 'POST', '/functions/prepare', PORTRAITS);
    await send(alone, 'PUT', '/experiments/run', { config: SLOW, dataset: 'faces', engine: 'onnxruntime/cpu' });
    const { body } = await send(alone, 'POST', '/experiments/run/train', {});
    expect(body.result).toMatchObject({ state: 'done', step: LAST_STEP });
    return body.result.checkpoint;
  } finally {
    await alone.stop();
    await rm(own, { recursive: true });
  }
}

test('the same calls at both at once end in one result', async () => {
  const prepared = await sendToBoth('POST', '/functions/prepare', PORTRAITS);
  expect(prepared[0]?.body.result.digest).toBe(prepared[1]?.body.result.digest);
  await sendToBoth('PUT', '/experiments/run', { config: CONFIG, dataset: 'faces', engine: 'onnxruntime/cpu' });
  const trained = await sendToBoth('POST', '/experiments/run/train', {});
  expect(trained[0]?.body.result).toMatchObject({ state: 'done', step: LAST_STEP });
  expect(trained[1]?.body.result).toEqual(trained[0]?.body.result);
  const sampled = await sendToBoth('POST', '/sample', { model: 'run', prompt: 'a person', steps: 3, seed: 1 });
  expect(sampled[0]?.body.image).toEqual(sampled[1]?.body.image);
  expect(await findFaults('run')).toEqual([]);
}, 120_000);

test('one that is stopped past the expiry of its lease loses the head when it wakes, and nothing else', async () => {
  const [first, second] = hosts;
  const checkpoint = await trainUndisturbed();
  await send(first, 'PUT', '/experiments/stopped', { config: SLOW, dataset: 'faces', engine: 'onnxruntime/cpu' });
  const interrupted = send(first, 'POST', '/experiments/stopped/train', {});
  await expect
    .poll(async () => (await send(first, 'GET', '/experiments/stopped')).body.progress?.done ?? 0, {
      timeout: 60_000,
      interval: 10,
    })
    .toBeGreaterThan(8);
  const asleep = [first?.serverPid ?? 0, first?.runnerPid ?? 0];
  for (const pid of asleep) process.kill(pid, 'SIGSTOP');
  try {
    expect((await send(second, 'GET', '/experiments/stopped')).body).toMatchObject({ state: 'running' });
    const { body } = await send(second, 'POST', '/experiments/stopped/train', {});
    expect(body.result).toMatchObject({ state: 'done', step: LAST_STEP, checkpoint });
  } finally {
    for (const pid of asleep) process.kill(pid, 'SIGCONT');
  }
  const { status, body } = await interrupted;
  expect(status, JSON.stringify(body)).toBe(409);
  expect(body).toMatchObject({ code: 'conflict', retryable: true });
  expect(body.detail).toMatch(/is driven by pid \d+|was moved by somebody else/);
  // The same call again is answered with what the other did.
  const again = await send(first, 'POST', '/experiments/stopped/train', {});
  expect(again.body.result).toMatchObject({ state: 'done', checkpoint });
  expect(again.body.result.chunks.map((chunk: { from: number; to: number }) => [chunk.from, chunk.to])).toEqual([
    [0, 8],
    [8, 16],
    [16, 24],
  ]);
  expect(await findFaults('stopped')).toEqual([]);
}, 180_000);
