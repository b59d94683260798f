/** @file The real processes over a real MinIO that goes away in mid-chunk: behind a proxy that refuses, and killed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Easel, startEasel } from '../cli/up.ts';
import { type MinioStore, startMinioStore } from '../infra/minio/store.ts';
import { type FaultyProxy, startFaultyProxy } from '../storage/testing/faulty-proxy.ts';
import { hasMinio, minioBinary } from './minio-tier.ts';
import { sendJson } from './send-json.ts';

const LEASE_SECONDS = 2;
/** Longer than the lease. */
const AWAY_MS = 5000;
const PORTRAITS = { dataset: 'faces', source: 'portraits', count: 20, size: 32, seed: 1 };
const LAST_STEP = 24;
const CONFIG = {
  model: { hidden_size: 64, depth: 3, num_heads: 1, patch_size: 8, bottleneck: 8, patch_overlap: 2 },
  optimizer: { total_samples: 8 * LAST_STEP, warmup_samples: 16 },
  data: { batch_size: 8 },
};

describe.skipIf(!hasMinio)('MinIO', () => {
  /** The data, and beside them the keys. */
  let parent: string;
  let folder: string;
  let minio: MinioStore;
  let proxy: FaultyProxy;
  let easel: Easel;
  /** What an undisturbed run ends with, however it is cut into chunks. */
  let expected: string;

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'easel-away-'));
    folder = join(parent, 'data');
    minio = await startMinioStore({ binary: minioBinary(), folder });
    proxy = await startFaultyProxy(minio.endpoint);
    const EASEL_STORE = minio.url.replace(minio.endpoint, proxy.endpoint);
    easel = await startEasel({
      store: EASEL_STORE,
      port: 0,
      device: `away-${process.pid}`,
      env: { ...minio.env, EASEL_STORE, EASEL_LEASE_SECONDS: String(LEASE_SECONDS) },
    });
    await send('POST', '/functions/prepare', PORTRAITS);
    await create('calm', 12);
    const { body } = await send('POST', '/experiments/calm/train', {});
    expect(body.result).toMatchObject({ state: 'done', step: LAST_STEP });
    expected = body.result.checkpoint;
  }, 120_000);

  afterAll(async () => {
    await easel?.stop();
    await proxy?.close();
    await minio?.stop();
    await rm(parent, { recursive: true });
  }, 120_000);

  const send = (method: string, path: string, body?: unknown) => sendJson(easel.url, method, path, body);

  async function create(name: string, chunk_steps: number): Promise<void> {
    const config = { ...CONFIG, run: { chunk_steps, keep: 1, preview: { prompts: [] } } };
    await send('PUT', `/experiments/${name}`, { config, dataset: 'faces', engine: 'onnxruntime/cpu' });
  }

  /** Trains, and lets something happen in the middle of the second chunk. */
  async function trainThrough(name: string, happens: () => Promise<void>): Promise<void> {
    await create(name, 8);
    const call = send('POST', `/experiments/${name}/train`, {});
    await expect
      .poll(async () => (await send('GET', `/experiments/${name}`)).body.progress?.done ?? 0, {
        timeout: 60_000,
        interval: 10,
      })
      .toBeGreaterThan(8);
    await happens();
    const { status, body } = await call;
    expect(status, JSON.stringify(body)).toBe(200);
    expect(body.result).toMatchObject({ state: 'done', checkpoint: expected });
    expect(body.result.chunks).toHaveLength(3);
    expect(easel.restarts).toEqual({ server: 0, runner: 0 });
  }

  test('that cannot be reached for longer than the lease lasts costs no more than that', async () => {
    await trainThrough('cut-off', async () => {
      await proxy.goDown();
      await sleep(AWAY_MS);
      await proxy.comeBack();
    });
  }, 120_000);

  test('that is killed and started again costs no more than that', async () => {
    await trainThrough('killed', async () => {
      process.kill(minio.pid ?? 0, 'SIGKILL');
      await minio.ended;
      await sleep(AWAY_MS / 2);
      minio = await startMinioStore({ binary: minioBinary(), folder, port: Number(new URL(minio.endpoint).port) });
    });
  }, 120_000);
});
