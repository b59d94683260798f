/** @file The real processes over a real MinIO that goes away in mid-chunk: behind a proxy that refuses, and killed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MinioStore, startMinioStore } from '../infra/minio/store.ts';
import { type FaultyProxy, startFaultyProxy } from '../storage/testing/faulty-proxy.ts';
import { hasMinio, minioBinary } from './minio-tier.ts';
import { openSite, type Site } from './site/open-site.ts';
import { LAST_STEP, PORTRAITS, SLOW_MODEL, smallExperiment } from './site/small-experiment.ts';
import { takesAll } from './whole-suite.ts';

const LEASE_SECONDS = 2;
/** Longer than the lease. */
const AWAY_MS = 5000;

describe.skipIf(!hasMinio)('MinIO', () => {
  /** The data, and beside them the keys. */
  let parent: string;
  let folder: string;
  let minio: MinioStore;
  let proxy: FaultyProxy;
  let site: Site;
  /** What an undisturbed run ends with, however it is cut into chunks. */
  let expected: string;

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'easel-away-'));
    folder = join(parent, 'data');
    minio = await startMinioStore({ binary: minioBinary(), folder });
    proxy = await startFaultyProxy(minio.endpoint);
    const url = minio.url.replace(minio.endpoint, proxy.endpoint);
    const env = { EASEL_LEASE_SECONDS: String(LEASE_SECONDS) };
    site = await openSite({ place: { url, env: { ...minio.env, EASEL_STORE: url } }, env });
    await site.send('POST', '/functions/prepare', PORTRAITS);
    await create('calm', 12);
    const { result } = await site.expectJson(200, 'POST', '/experiments/calm/train', {});
    expect(result).toMatchObject({ state: 'done', step: LAST_STEP });
    expected = result.checkpoint;
  }, 120_000);

  afterAll(async () => {
    await site?.close();
    await proxy?.close();
    await minio?.stop();
    await rm(parent, { recursive: true });
  }, 120_000);

  async function create(name: string, chunk_steps: number): Promise<void> {
    const experiment = smallExperiment('faces', { chunk_steps, keep: 1, preview: { prompts: [] } }, SLOW_MODEL);
    await site.expectJson(201, 'PUT', `/experiments/${name}`, experiment);
  }

  /** Trains, and lets something happen in the middle of the second chunk. */
  async function trainThrough(name: string, happens: () => Promise<void>): Promise<void> {
    await create(name, 8);
    const call = site.expectJson(200, 'POST', `/experiments/${name}/train`, {});
    await site.waitForExperiment(name, ({ progress }) => progress?.done > 8);
    await happens();
    const { result } = await call;
    expect(result).toMatchObject({ state: 'done', checkpoint: expected });
    expect(result.chunks).toHaveLength(3);
    expect(site.easel.restarts).toEqual({ server: 0, runner: 0 });
  }

  const cutsOff = takesAll('a MinIO behind a connection that is cut, beside one that is killed');
  test.runIf(cutsOff)(
    'a training waits for a MinIO that is unreachable for longer than a lease, and ends in the same checkpoint',
    async () => {
      await trainThrough('cut-off', async () => {
        await proxy.goDown();
        await sleep(AWAY_MS);
        await proxy.comeBack();
      });
    },
    120_000,
  );

  test('a training waits for a MinIO that is killed and started again, and ends in the same checkpoint', async () => {
    await trainThrough('killed', async () => {
      process.kill(minio.pid ?? 0, 'SIGKILL');
      await minio.ended;
      await sleep(AWAY_MS / 2);
      minio = await startMinioStore({ binary: minioBinary(), folder, port: Number(new URL(minio.endpoint).port) });
    });
  }, 120_000);
});
