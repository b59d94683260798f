/** @file Imports and buckets photographs with a server and a gpu-runner of their own, and tells what that takes. */
import { link, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Easel, startEasel } from '../../cli/up.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import { createSend } from '../../test/site/send.ts';
import { makePhotographs, namesOfPhotograph } from './make-photographs.ts';
import { type ProcessCosts, readCosts } from './process-costs.ts';

/** Files that are linked at once. */
const WIDTH = 16;

export interface StageCosts {
  readonly name: string;
  readonly size: number;
  /** By the clock. */
  readonly ms: number;
  /** Of the processor, in the server. */
  readonly processorMs: number;
}

export interface PhotographRun {
  readonly stages: readonly StageCosts[];
  readonly server: ProcessCosts;
  readonly runner: ProcessCosts;
}

/** Pictures, and the side of the square bucket that they are scaled to. */
export interface PhotographSet {
  readonly pictures: number;
  readonly size: number;
}

export interface RunOptions {
  /** Keeps the photographs, and the store until the run is complete. */
  readonly folder: string;
  /** Divides the sides of the photographs; default: 1. */
  readonly divisor?: number;
  /** Where the server listens; the S3 endpoint and the gpu-runner take the next two ports. 0: free ports. */
  readonly port: number;
  readonly log: (line: string) => void;
}

/** Goes on where an earlier run with the same store stopped: its peak of memory is then that of the rest. */
export async function runPhotographs(
  store: string,
  sets: readonly PhotographSet[],
  { folder, divisor, port, log }: RunOptions,
): Promise<PhotographRun> {
  const folders = new Map<PhotographSet, string>();
  for (const set of sets) folders.set(set, await linkFirst(folder, set.pictures, divisor));
  const easel = await startEasel({
    store: `file:${store}`,
    // Another run on this machine has a gpu-runner, too.
    device: `photographs-${process.pid}`,
    port,
    env: {
      EASEL_HOST: '127.0.0.1',
      EASEL_CACHE: join(store, '.cache'),
      EASEL_IMPORT_ROOTS: folder,
      ...(port > 0 && { EASEL_S3_PORT: String(port + 1), EASEL_RUNNER_PORT: String(port + 2) }),
    },
  });
  try {
    const call = createCaller(easel, log);
    for (const [{ size, pictures }, path] of folders) {
      const dataset = `photographs-${size}`;
      const imported = await call('import', size, { dataset, folder: path });
      const inspected = await call('inspect', size, { dataset: imported.result.originals });
      const ingested = await call('ingest', size, { dataset: digestOf(inspected) });
      await call('bucket', size, { dataset: digestOf(ingested), size });
      log(`${pictures} photographs are bucketed at ${size} pixels`);
    }
    const { server, runner } = easel.restarts;
    if (server + runner > 0) throw new Error('a process was started again, so the peak of its memory is lost');
    return { stages: call.stages, server: await costsOf(easel.serverPid), runner: await costsOf(easel.runnerPid) };
  } finally {
    await easel.stop();
  }
}

/** A folder with the first photographs, as links. */
export async function linkFirst(folder: string, pictures: number, divisor = 1): Promise<string> {
  const all = join(folder, 'all');
  await makePhotographs(all, pictures, divisor);
  const first = join(folder, `first-${pictures}`);
  await mkdir(first, { recursive: true });
  const names = Array.from({ length: pictures }, (_, number) => namesOfPhotograph(number)).flat();
  await mapBounded(names, { width: WIDTH }, async name => {
    await link(join(all, name), join(first, name)).catch(error => {
      if (error.code !== 'EEXIST') throw error;
    });
  });
  return first;
}

/** Calls functions of the server, and adds up the processor time of each stage. */
function createCaller(easel: Easel, log: RunOptions['log']) {
  const send = createSend(() => easel.url);
  const stages: StageCosts[] = [];
  const call = async (name: string, size: number, input: unknown) => {
    const before = await costsOf(easel.serverPid);
    const start = performance.now();
    const { status, body } = await send('POST', `/functions/${name}`, input);
    if (status !== 200) throw new Error(`${name} answered ${status}: ${JSON.stringify(body)}`);
    const ms = performance.now() - start;
    const after = await costsOf(easel.serverPid);
    stages.push({ name, size, ms, processorMs: after.processorMs - before.processorMs });
    const peak = Math.round(after.peakBytes / 2 ** 20);
    log(`${name} at ${size} pixels: ${Math.round(ms / 1000)} s; peak ${peak} MiB`);
    return body;
  };
  return Object.assign(call, { stages });
}

const digestOf = (answer: { result: { outputs: { dataset: { digest: string } } } }) =>
  answer.result.outputs.dataset.digest;

function costsOf(pid: number | undefined): Promise<ProcessCosts> {
  if (pid === undefined) throw new Error('a process has ended');
  return readCosts(pid);
}
