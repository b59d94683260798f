/** @file Kills the real server or gpu-runner once, by SIGKILL, at an operation on the folder store. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { openFileStore } from '../../storage/drivers/file/file-store.ts';
import { LEASE_TTL_MS } from '../../storage/names/lease.ts';
import { openSite, type Site } from '../site/open-site.ts';
import { compareStores, type Description, describeStore, listLeftovers, sweepStore } from './crash-checks.ts';
import { type Ends, type PipelineOptions, runPipeline, type Send } from './crash-pipeline.ts';
import { FATE, type Fate, type KillPoint, killPointSchema, type Program } from './mortal-stores.ts';

const REAL_PIPELINE: PipelineOptions = {
  size: 16,
  chunks: 2,
  model: { hidden_size: 16, depth: 1, num_heads: 1, patch_size: 8, patch_overlap: 0, bottleneck: 8 },
  engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 1, micro_batch: 4 },
};

/** For one call with all that it waits for; a lease that was leaked would take longer. */
const CALL_MS = 60_000;
const PAUSE_MS = 50;
const PRELOADED = new URL('./mortal-open.ts', import.meta.url).href;

export interface CalmRun {
  readonly ends: Ends;
  readonly objects: Description;
  /** Operations on the store, one line each. */
  readonly operations: Readonly<Record<Program, readonly string[]>>;
}

export const killOutcomeSchema = z.strictObject({
  point: killPointSchema,
  /** The operation at which it died; absent: the pipeline had ended before. */
  died: z.string().optional(),
  /** What is not as it should be. */
  problems: z.array(z.string()),
  seconds: z.number(),
});
export type KillOutcome = z.output<typeof killOutcomeSchema>;

/** A folder for the folders of runs and for the cache that all of them share. */
export interface KillFolder {
  readonly folder: string;
  close(): Promise<void>;
}

export async function openKillFolder(): Promise<KillFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'easel-kill-'));
  return { folder, close: () => rm(folder, { recursive: true }) };
}

/** The pipeline with nobody dying. */
export async function runCalmly(base: KillFolder): Promise<CalmRun> {
  const folder = join(base.folder, 'calm');
  await mkdir(folder);
  const journals = { server: join(folder, 'server'), runner: join(folder, 'runner') };
  const fates: Fate[] = [
    { program: 'server', journal: journals.server },
    { program: 'runner', journal: journals.runner },
  ];
  const site = await start(base, folder, fates);
  const ends = await runPipeline(createCurl(site), REAL_PIPELINE).finally(() => site.close());
  const readLines = async (path: string) => (await readFile(path, 'utf8')).trimEnd().split('\n');
  return {
    ends,
    objects: await describeFolder(storeOf(folder)),
    operations: { server: await readLines(journals.server), runner: await readLines(journals.runner) },
  };
}

/** The pipeline with a death at the point: the supervisor starts the process again, and the same calls go on. */
export async function runWithDeath(base: KillFolder, calm: CalmRun, point: KillPoint): Promise<KillOutcome> {
  const { program, operation, moment } = point;
  const begun = performance.now();
  const folder = join(base.folder, `${program}-${operation}-${moment}`);
  await mkdir(folder);
  const marker = join(folder, 'died');
  const fates: Fate[] = [{ ...point, marker }];
  const problems: string[] = [];
  try {
    // One that dies before it listens takes its supervisor with it.
    const site = await start(base, folder, fates).catch(async error => {
      if (existsSync(marker)) return start(base, folder, fates);
      throw error;
    });
    const ends = await runPipeline(createCurl(site), REAL_PIPELINE).finally(() => site.close());
    if (JSON.stringify(ends) !== JSON.stringify(calm.ends)) problems.push(`ended with ${JSON.stringify(ends)}`);
    problems.push(...compareStores(calm.objects, await describeFolder(storeOf(folder))));
    problems.push(...(await listLeftovers(storeOf(folder))).map(path => `${path} is left over`));
  } catch (error) {
    problems.push(String(error));
  }
  const died = existsSync(marker) ? { died: await readFile(marker, 'utf8') } : {};
  if (problems.length === 0) await rm(folder, { recursive: true });
  return { point, ...died, problems, seconds: (performance.now() - begun) / 1000 };
}

function start(base: KillFolder, folder: string, fates: readonly Fate[]): Promise<Site> {
  return openSite({
    place: { url: `file:${storeOf(folder)}`, env: {} },
    mortal: true,
    env: {
      EASEL_CACHE: join(base.folder, 'cache'),
      NODE_COMPILE_CACHE: join(base.folder, 'code'),
      NODE_OPTIONS: `--import ${PRELOADED}`,
      [FATE]: JSON.stringify(fates),
    },
  });
}

function storeOf(folder: string): string {
  return join(folder, 'store');
}

/** When the leases of all the dead are over. */
async function describeFolder(folder: string): Promise<Description> {
  const store = await openFileStore(folder);
  await sweepStore(store);
  const description = await describeStore(store, Date.now() + LEASE_TTL_MS);
  await store.close();
  return description;
}

/** As `curl --retry`: again while the work goes on and while no runner is there. */
function createCurl({ send }: Site): Send {
  return async (method, path, body) => {
    const deadline = Date.now() + CALL_MS;
    for (;;) {
      const answer = await send(method, path, body);
      const isFinal = answer.status !== 202 && answer.status !== 503;
      if (isFinal || Date.now() > deadline) return answer;
      await sleep(PAUSE_MS);
    }
  };
}
