/** @file The real processes, killed: whatever dies, the same curl line completes the work with the same bits. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Easel, type EaselOptions, startEasel } from '../../cli/up.ts';
import { putToyDataset } from '../../functions/testing/training.ts';
import { createBlobStore } from '../../storage/cas.ts';
import { openStore } from '../../storage/open.ts';
import { hasMinio, openTestStore } from '../minio-tier.ts';

const LAST_STEP = 24;
/** 32 px, hidden 32, depth 1, batch 8, chunks of 4 steps. */
const CONFIG = {
  model: { hidden_size: 32, depth: 1, num_heads: 1, patch_size: 8, bottleneck: 8, patch_overlap: 2 },
  optimizer: { total_samples: 8 * LAST_STEP, warmup_samples: 16 },
  data: { batch_size: 8 },
  run: { chunk_steps: 4, keep: 1, preview: { prompts: ['hat 1'], steps: 2 } },
};

/** Where a site keeps its objects. */
interface Place {
  readonly url: string;
  /** What its users need in their environment. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

async function openFolder(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-crash-'));
  return { url: `file:${folder}`, env: {}, remove: () => rm(folder, { recursive: true }) };
}

interface Site {
  readonly easel: Easel;
  readonly dataset: string;
  readonly place: Place;
}

async function openSite(name: string, openPlace: () => Promise<Place> = openFolder): Promise<Site> {
  const place = await openPlace();
  for (const [key, value] of Object.entries(place.env)) vi.stubEnv(key, value);
  const store = await openStore(place.url);
  const dataset = await putToyDataset(createBlobStore(store), { count: 20, side: 32 });
  await store.close();
  return { easel: await startEasel(optionsOf(name, place)), dataset, place };
}

function optionsOf(name: string, { url, env }: Place): EaselOptions {
  return { store: url, env, port: 0, device: `crash-${name}-${process.pid}` };
}

async function closeSite(site: Site | undefined): Promise<void> {
  await site?.easel.stop();
  await site?.place.remove();
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of the wire, looked at by assertions
  readonly body: any;
}

/** As curl sends it. A server that is just being restarted refuses the connection: curl --retry-connrefused. */
async function send({ easel }: Site, method: string, path: string, body?: unknown, prefer?: string): Promise<Answer> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      const response = await fetch(easel.url + path, {
        method,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(prefer && { prefer }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await response.json() };
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise(resolve => setTimeout(resolve, 100));
    }
  }
}

async function create(site: Site, name: string, changes: { model?: object; run?: object } = {}): Promise<void> {
  const { model, run } = changes;
  const config = { ...CONFIG, model: { ...CONFIG.model, ...model }, run: { ...CONFIG.run, ...run } };
  const { status } = await send(site, 'PUT', `/experiments/${name}`, {
    config,
    dataset: site.dataset,
    engine: 'onnxruntime/cpu',
  });
  expect(status).toBe(201);
}

/** The curl line of all these tests. */
function train(site: Site, name: string, body: object = {}, prefer = 'wait=60'): Promise<Answer> {
  return send(site, 'POST', `/experiments/${name}/train`, body, prefer);
}

/** Waits until the experiment is past a step and not at its end. */
async function waitForStep(site: Site, name: string, step: number): Promise<void> {
  await expect
    .poll(async () => (await send(site, 'GET', `/experiments/${name}`)).body.step, { timeout: 30_000, interval: 10 })
    .toBeGreaterThanOrEqual(step);
}

async function stepOf(site: Site, name: string): Promise<{ step: number; state: string }> {
  const { step, state } = (await send(site, 'GET', `/experiments/${name}`)).body;
  return { step, state };
}

let calm: Site;
/** What an undisturbed run ends with. */
let expected: string;

beforeAll(async () => {
  calm = await openSite('calm');
  await create(calm, 'run');
  const { status, body } = await train(calm, 'run');
  expect(status).toBe(200);
  expect(body.result).toMatchObject({ state: 'done', step: LAST_STEP });
  expected = body.result.checkpoint;
});

afterAll(() => closeSite(calm));

test('one chunk of 8 steps, four of 2 and eight of 1 end in the same checkpoint', async () => {
  const ends = new Set<string>();
  for (const chunk_steps of [8, 2, 1]) {
    const name = `chunks-of-${chunk_steps}`;
    await create(calm, name, { run: { chunk_steps, keep: 20, preview: { prompts: [] } } });
    const { body } = await train(calm, name, { target: 64 });
    expect(body.result).toMatchObject({ state: 'done', step: 8 });
    expect(body.result.chunks.length).toBe(8 / chunk_steps);
    ends.add(body.result.checkpoint);
  }
  expect(ends.size).toBe(1);
});

const places = [{ name: 'a folder', open: openFolder }, ...(hasMinio ? [{ name: 'MinIO', open: openTestStore }] : [])];
describe.each(places)('kill -9 on $name', ({ open }) => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite('kill', open);
    await create(site, 'run');
  });
  afterAll(() => closeSite(site));

  test('of the runner, of the server, and of both in mid-train: the same call ends in the same checkpoint', async () => {
    const { easel } = site;
    expect((await train(site, 'run', {}, 'wait=0')).status).toBe(202);
    await waitForStep(site, 'run', 4);
    process.kill(easel.runnerPid ?? 0, 'SIGKILL');
    await expect.poll(() => easel.restarts.runner, { timeout: 20_000 }).toBe(1);
    await train(site, 'run', {}, 'wait=0');

    await waitForStep(site, 'run', 8);
    process.kill(easel.serverPid ?? 0, 'SIGKILL');
    await expect.poll(() => easel.restarts.server, { timeout: 20_000 }).toBe(1);
    const middle = await stepOf(site, 'run');
    expect(middle.state).toBe('running');
    expect(middle.step).toBeLessThan(LAST_STEP);

    process.kill(easel.runnerPid ?? 0, 'SIGKILL');
    process.kill(easel.serverPid ?? 0, 'SIGKILL');
    await expect.poll(() => easel.restarts, { timeout: 20_000 }).toEqual({ server: 2, runner: 2 });

    const { status, body } = await train(site, 'run');
    expect(status).toBe(200);
    expect(body.result).toMatchObject({ state: 'done', step: LAST_STEP, checkpoint: expected });
  }, 120_000);

  test('a server that starts goes on by itself with what was in training', async () => {
    const { easel } = site;
    await create(site, 'alone', { run: { chunk_steps: 5, keep: 3 } });
    await train(site, 'alone', {}, 'wait=0');
    await waitForStep(site, 'alone', 5);
    process.kill(easel.serverPid ?? 0, 'SIGKILL');
    await expect
      .poll(async () => stepOf(site, 'alone'), { timeout: 60_000, interval: 100 })
      .toEqual({ state: 'done', step: LAST_STEP });
    expect((await send(site, 'GET', '/experiments/alone')).body.checkpoint).toBe(expected);
  }, 90_000);
});

describe('beside training', () => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite('beside');
  });
  afterAll(() => closeSite(site));

  test('samples are made, two equal calls are one run, and the bits stay', async () => {
    await create(site, 'run');
    const calls = await Promise.all([train(site, 'run', {}, 'wait=0'), train(site, 'run', {}, 'wait=0')]);
    expect(new Set(calls.map(({ body }) => body.action)).size).toBe(1);
    await waitForStep(site, 'run', 4);
    const checkpoint = (await send(site, 'GET', '/experiments/run')).body.checkpoints[0].checkpoint;
    let during = 0;
    for (let seed = 0; (await stepOf(site, 'run')).state === 'running'; seed++) {
      const { status } = await send(site, 'POST', '/sample', { model: checkpoint, prompt: 'hat 3', steps: 3, seed });
      if (status === 200) during++;
      // The checkpoint leaves the history while the run goes on.
      else expect(status).toBe(404);
    }
    expect(during).toBeGreaterThan(0);
    const { body } = await train(site, 'run');
    expect(body.result).toMatchObject({ state: 'done', checkpoint: expected });
    // 6 chunks and 6 previews, once each.
    expect((await send(site, 'GET', '/health')).body.runner.finished).toBe(12 + during);
  }, 90_000);

  test('a stop finishes the step and keeps it; the next start ends in the same checkpoint', async () => {
    // Slow enough to be stopped in the middle of its only chunk.
    const slow = { model: { hidden_size: 64, depth: 3 }, run: { chunk_steps: LAST_STEP, preview: { prompts: [] } } };
    await create(calm, 'slow', slow);
    const undisturbed = await train(calm, 'slow');
    await create(site, 'slow', slow);
    await train(site, 'slow', {}, 'wait=0');
    await expect
      .poll(async () => (await send(site, 'GET', '/experiments/slow')).body.progress, { timeout: 30_000, interval: 10 })
      .toMatchObject({ phase: 'train', metrics: { loss: expect.any(Number) } });
    await site.easel.stop();
    const easel = await startEasel(optionsOf('again', site.place));
    site = { ...site, easel };
    const { body } = await train(site, 'slow');
    expect(body.result).toMatchObject({ state: 'done', checkpoint: undisturbed.body.result.checkpoint });
    const [first, second] = body.result.chunks;
    expect(first.to).toBeLessThan(LAST_STEP);
    expect(second).toMatchObject({ from: first.to, to: LAST_STEP });
  }, 90_000);
});
