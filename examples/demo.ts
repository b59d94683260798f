/**
 * @file `npm run demo`: starts Easel on free ports, trains on a bundled set over HTTP, ends with a picture
 * grid.
 */
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '../cli/command-error.ts';
import { createApiClient } from '../cli/http.ts';
import { EXIT_INTERRUPTED, listenForStop } from '../cli/stop-signals.ts';
import { type Easel, startEasel } from '../cli/up.ts';
import { cacheFolderOf } from '../configs/cache-folder.ts';
import { makeFolders } from '../configs/make-folders.ts';
import { formatCount } from '../configs/quantity.ts';
import { findOrBuildMinio } from '../infra/minio/binary.ts';
import { type MinioStore, startMinioStore } from '../infra/minio/store.ts';
import { fetchEngine, waitForEngines } from './demo/fetch-engine.ts';
import { type DemoPlan, planDemo, USAGE } from './demo/options.ts';
import { runDemo } from './demo/run-demo.ts';
import { createTerminal, type Terminal } from './demo/terminal.ts';
import { createToldApi } from './demo/told-api.ts';
import { readElapsed, writeElapsed } from './demo/write-summary.ts';

try {
  const plan = planDemo(process.argv.slice(2));
  if (plan) await main(plan);
  else console.log(USAGE);
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}

async function main(plan: DemoPlan): Promise<void> {
  const started = performance.now();
  await makeFolders(plan.out);
  const before = await readElapsed(plan.out);
  const elapsed = () => before + (performance.now() - started) / 1000;
  const terminal = createTerminal();
  const stopping = new AbortController();
  const interrupted = stopping.signal;
  void listenForStop().then(() => {
    stopping.abort();
    terminal.endProgress();
    terminal.line('\nstopping: the step in progress is finished and kept (Ctrl-C again: stop now)');
  });

  terminal.line(
    `This draws ${formatCount(plan.pictures)} ${plan.set.noun}, trains a model on them from nothing, measures it,\n` +
      `and ends with ${join(plan.out, 'grid.png')}. Lines with $ are the calls that it makes.\n` +
      `Ctrl-C stops it; the same command goes on.${tellWording(plan)}`,
  );
  const log = createWriteStream(join(plan.out, 'easel.log'));
  let minio: MinioStore | undefined;
  let easel: Easel | undefined;
  try {
    if (plan.minio !== undefined) {
      const binary = await findOrBuildMinio(terminal.line);
      interrupted.throwIfAborted();
      minio = await startMinioStore({ binary, folder: plan.minio, log: line => void log.write(`minio | ${line}\n`) });
      terminal.line(`MinIO is up: ${minio.endpoint} (data in ${plan.minio})`);
    }
    easel = await startEasel({
      port: 0,
      ...(plan.store === undefined ? {} : { store: plan.store }),
      ...(minio === undefined ? {} : { env: minio.env }),
      log: line => void log.write(`${line}\n`),
    });
    terminal.line(`easel is up: ${easel.url}`);
    interrupted.throwIfAborted();
    await callServer({ easel, terminal, plan, interrupted, elapsed });
  } catch (error) {
    if (easel) await writeElapsed(plan.out, elapsed());
    if (!interrupted.aborted) {
      terminal.endProgress();
      terminal.line(`what the processes said: ${join(plan.out, 'easel.log')}`);
      throw error;
    }
  } finally {
    await easel?.stop();
    await minio?.stop();
    log.end();
  }
  if (!interrupted.aborted) return;
  terminal.line('stopped; the same command goes on from there');
  process.exitCode = EXIT_INTERRUPTED;
}

/** Captions in varied wording take longer than people expect of the demo. */
function tellWording({ set: { worded }, isVaried, samples }: DemoPlan): string {
  if (!isVaried || worded === undefined) return '';
  const time = samples === worded.samples ? ` It takes about ${worded.time}.` : '';
  return `\nThe captions have varied wording, of which a sample takes one: ${formatCount(samples)} samples.${time}`;
}

interface Started {
  readonly easel: Easel;
  readonly terminal: Terminal;
  readonly plan: DemoPlan;
  readonly interrupted: AbortSignal;
  elapsed(): number;
}

/** Runs the demo's steps. An engine is fetched beside the first one, which needs none. */
async function callServer({ easel, terminal, plan, interrupted, elapsed }: Started): Promise<void> {
  const token = process.env.EASEL_TOKEN || undefined;
  const api = createApiClient(easel.url, token);
  const ended = new AbortController();
  const signal = AbortSignal.any([interrupted, ended.signal]);
  const fetched = fetchEngine({ api, terminal, plan, signal, cacheFolder: cacheFolderOf(process.env) });

  let ready: Promise<void> | undefined;
  async function makeReady(): Promise<void> {
    if (await fetched) await easel.restartRunner();
    interrupted.throwIfAborted();
    await waitForEngines(api);
  }
  const engineReady = () => (ready ??= makeReady());

  const authorized = token !== undefined;
  const told = createToldApi({ api, terminal, out: plan.out, signal: interrupted, authorized });
  try {
    await runDemo({ api: told, terminal, plan, elapsed, engineReady, signal });
  } finally {
    ended.abort();
    await fetched;
  }
}
