/** @file The real processes, killed: whatever dies, the same curl line completes the work with the same bits. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { putToyDataset } from '../../functions/testing/training.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { hasMinio, openTestStore } from '../minio-tier.ts';
import { openFolder, openSite, type Place, type Site } from '../site/open-site.ts';
import type { Answer } from '../site/send.ts';
import { LAST_STEP, SLOW_MODEL, smallExperiment } from '../site/small-experiment.ts';
import { takesAll } from '../whole-suite.ts';

/** Chunks of 4 steps. */
const RUN = { chunk_steps: 4, keep: 1, preview: { prompts: ['hat 1'], steps: 2 } };

/** Of the toy dataset, which every site has. */
let dataset: string;

async function openToySite(place?: Place): Promise<Site> {
  const site = await openSite(place === undefined ? {} : { place });
  dataset = await site.withStore(store => putToyDataset(createBlobStore(store), { count: 20, side: 32 }));
  return site;
}

async function create(site: Site, name: string, changes: { model?: object; run?: object } = {}): Promise<void> {
  const experiment = smallExperiment(dataset, { ...RUN, ...changes.run }, changes.model);
  await site.expectJson(201, 'PUT', `/experiments/${name}`, experiment);
}

/** The curl line of all these tests. */
function train(site: Site, name: string, body: object = {}, headers: { prefer?: string } = {}): Promise<Answer> {
  return site.send('POST', `/experiments/${name}/train`, body, headers);
}

/** Begins a training and does not wait for it. */
const startTraining = (site: Site, name: string) => train(site, name, {}, { prefer: 'wait=0' });

/** Waits until the experiment is past a step. */
function waitForStep(site: Site, name: string, step: number): Promise<void> {
  return site.waitForExperiment(name, experiment => experiment.step >= step);
}

async function stepOf(site: Site, name: string): Promise<{ step: number; state: string }> {
  const { step, state } = await site.expectJson(200, 'GET', `/experiments/${name}`);
  return { step, state };
}

let calm: Site;
/** What an undisturbed run ends with. */
let expected: string;

beforeAll(async () => {
  calm = await openToySite();
  await create(calm, 'run');
  const { status, body } = await train(calm, 'run');
  expect(status).toBe(200);
  expect(body.result).toMatchObject({ state: 'done', step: LAST_STEP });
  expected = body.result.checkpoint;
});

afterAll(() => calm.close());

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

const takesMinio = hasMinio && takesAll('kills of server and gpu-runner over a MinIO');
const places = [
  { name: 'a folder', open: openFolder },
  ...(takesMinio ? [{ name: 'MinIO', open: openTestStore }] : []),
];
describe.each(places)('on $name', ({ open }) => {
  let place: Awaited<ReturnType<typeof open>>;
  let site: Site;
  beforeAll(async () => {
    place = await open();
    for (const [key, value] of Object.entries(place.env)) vi.stubEnv(key, value);
    site = await openToySite(place);
    await create(site, 'run');
  });
  afterAll(async () => {
    await site.close();
    await place.remove();
  });

  test('after kill -9 of gpu-runner, server and both during a training, the same call ends in the same checkpoint', async () => {
    const { easel } = site;
    expect((await startTraining(site, 'run')).status).toBe(202);
    await waitForStep(site, 'run', 4);
    site.kill(['runner']);
    await expect.poll(() => easel.restarts.runner, { timeout: 20_000 }).toBe(1);
    await startTraining(site, 'run');

    await waitForStep(site, 'run', 8);
    site.kill(['server']);
    await expect.poll(() => easel.restarts.server, { timeout: 20_000 }).toBe(1);
    const middle = await stepOf(site, 'run');
    expect(middle.state).toBe('running');
    expect(middle.step).toBeLessThan(LAST_STEP);

    site.kill(['runner', 'server']);
    await expect.poll(() => easel.restarts, { timeout: 20_000 }).toEqual({ server: 2, runner: 2 });

    const { status, body } = await train(site, 'run');
    expect(status).toBe(200);
    expect(body.result).toMatchObject({ state: 'done', step: LAST_STEP, checkpoint: expected });
  }, 120_000);

  test('a server that starts after kill -9 goes on with a running experiment by itself', async () => {
    await create(site, 'alone', { run: { chunk_steps: 5, keep: 3 } });
    await startTraining(site, 'alone');
    await waitForStep(site, 'alone', 5);
    site.kill(['server']);
    await site.waitForExperiment('alone', ({ state }) => state === 'done');
    const { step, checkpoint } = await site.expectJson(200, 'GET', '/experiments/alone');
    expect([step, checkpoint]).toEqual([LAST_STEP, expected]);
  }, 90_000);
});

describe('beside training', () => {
  let site: Site;
  beforeAll(async () => {
    site = await openToySite();
  });
  afterAll(() => site.close());

  test('samples beside a training leave its bits as they are, and two equal train calls are one run', async () => {
    await create(site, 'run');
    const calls = await Promise.all([startTraining(site, 'run'), startTraining(site, 'run')]);
    expect(new Set(calls.map(({ body }) => body.action)).size).toBe(1);
    await waitForStep(site, 'run', 4);
    // Else the checkpoint may leave the history before the first sample.
    const { checkpoints } = await site.expectJson(200, 'POST', '/experiments/run/pin', {});
    const { checkpoint } = checkpoints.find(({ pinned }: { pinned?: boolean }) => pinned === true);
    let during = 0;
    for (; (await stepOf(site, 'run')).state === 'running'; during++) {
      await site.expectJson(200, 'POST', '/sample', { model: checkpoint, prompt: 'hat 3', steps: 3, seed: during });
    }
    expect(during).toBeGreaterThan(0);
    const { body } = await train(site, 'run');
    expect(body.result).toMatchObject({ state: 'done', checkpoint: expected });
    // 6 chunks and 6 previews, once each.
    expect((await site.expectJson(200, 'GET', '/health')).runner.finished).toBe(12 + during);
  }, 90_000);

  test('a stop during a training finishes the step and keeps it; the next start ends in the same checkpoint', async () => {
    // Slow enough to be stopped in the middle of its only chunk.
    const slow = { model: SLOW_MODEL, run: { chunk_steps: LAST_STEP, preview: { prompts: [] } } };
    await create(calm, 'slow', slow);
    const undisturbed = await train(calm, 'slow');
    await create(site, 'slow', slow);
    await startTraining(site, 'slow');
    await site.waitForExperiment(
      'slow',
      ({ progress }) => progress?.phase === 'train' && typeof progress.metrics?.loss === 'number',
    );
    await site.restart();
    const { body } = await train(site, 'slow');
    expect(body.result).toMatchObject({ state: 'done', checkpoint: undisturbed.body.result.checkpoint });
    const [first, second] = body.result.chunks;
    expect(first.to).toBeLessThan(LAST_STEP);
    expect(second).toMatchObject({ from: first.to, to: LAST_STEP });
  }, 90_000);
});
