/** @file Starts the server: opens the store, listens, goes on with what was running, and stops in good order. */
import { setFlagsFromString } from 'node:v8';
import { addBrackets } from '../configs/loopback.ts';
import { AppError, Internal, inOneLine, StoreFull } from '../errors.ts';
import { createDescriber } from '../functions/captions/describer.ts';
import type { ServerAddress } from '../functions/define.ts';
import { createExecutor } from '../functions/execution/executor.ts';
import { createPool } from '../functions/execution/pool.ts';
import { registry } from '../functions/registry.ts';
import { createRunnerClient } from '../gpu-runner/client/client.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import { openSumsFolder } from '../storage/blobs/sums-memory.ts';
import { SYSTEM_CLOCK } from '../storage/clock.ts';
import { LIFETIMES } from '../storage/gc/lifetimes.ts';
import { openStore } from '../storage/open.ts';
import { probeStore } from '../storage/probe.ts';
import type { ObjectStore } from '../storage/types.ts';
import { createApp } from './app.ts';
import type { ServerDeps } from './deps.ts';
import { parseEnv, type ServerEnv } from './env.ts';
import { createHttpServer } from './http-server.ts';
import { resumeExperiments } from './resume.ts';
import { startS3 } from './s3-endpoint.ts';
import { addressOf } from './server-address.ts';

/** What is about to end may do so: a chunk that the runner cut short since it stops too. */
const DRAIN_MS = 2000;
/**
 * Share of the living objects by which the heap may grow before V8 collects garbage. By default it may grow to four
 * times their size, and the lists of a large import with it. A V8 without this flag says so and goes on.
 */
const HEAP_GROWTH_PERCENT = 100;

setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);

try {
  await startServer(parseEnv(process.env, process.cwd()));
} catch (error) {
  if (!(error instanceof AppError)) throw error;
  console.error(`easel server: ${inOneLine(error)}`);
  process.exit(1);
}

async function startServer(env: ServerEnv): Promise<void> {
  const clock = SYSTEM_CLOCK;
  const store = await openStore(env.store);
  if (env.probeStore) await probe(store);
  const blobs = createBlobStore(store, LIFETIMES, openSumsFolder(env.hub.cacheFolder));
  const pool = createPool();
  const runner = createRunnerClient({
    clock,
    addresses: env.runners,
    ...(env.runnerSecret !== undefined && { secret: env.runnerSecret }),
    ...(env.cacheFolder !== undefined && { cacheFolder: env.cacheFolder }),
  });
  let listening: ServerAddress | undefined;
  const address = () => listening;
  const executor = createExecutor({
    store,
    blobs,
    registry,
    runner,
    describer: createDescriber(env.captions, { clock }),
    pool,
    importRoots: env.importRoots,
    hub: env.hub,
    importBuckets: env.importBuckets,
    clock,
    lease: { clock, ttlMs: env.leaseTtlMs },
    address,
  });
  const { endpoint: s3, line: s3Line } = await startS3(store, env);
  const deps: ServerDeps = {
    store,
    blobs,
    executor,
    runner,
    env,
    clock,
    address,
    ...(s3 !== undefined && { s3: { url: s3.url, bucket: s3.bucket } }),
  };

  const server = createHttpServer(createApp(deps).fetch);
  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(describeListenError(error, env)));
    server.listen(env.port, env.host, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : env.port;
  listening = addressOf(env, port);
  console.log(`easel server listening on http://${addBrackets(env.host)}:${port} (store ${store.url})`);
  if (s3Line !== undefined) console.log(s3Line);

  let stopping = false;
  const stop = async (reason: string) => {
    if (stopping) process.exit(1);
    stopping = true;
    console.log(`easel server: ${reason}, stopping`);
    server.close();
    void s3?.close();
    // Nothing is lost by leaving: results are committed in one write, and a job goes on at the runner.
    await executor.drain(DRAIN_MS);
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  if (env.supervised) whenParentEnds(() => void stop('its parent is gone'));

  await resumeExperiments(deps);
}

/** On a full store a server is of use: it answers what is there, and can be asked to make room. */
async function probe(store: ObjectStore): Promise<void> {
  try {
    await probeStore(store);
  } catch (error) {
    if (!(error instanceof StoreFull)) throw error;
    console.error(`easel server: ${error.message}: only what is stored can be answered; ${error.hint}`);
  }
}

/** A supervisor that dies without a signal closes the channel, or the pipe, that it held. */
function whenParentEnds(then: () => void): void {
  process.on('disconnect', then);
  if (process.channel === undefined || process.channel === null) {
    process.stdin.on('end', then).on('close', then).on('error', then).resume();
  }
}

function describeListenError(error: Error, env: ServerEnv): AppError {
  const taken = 'code' in error && error.code === 'EADDRINUSE';
  return new Internal(`cannot listen on ${env.host}:${env.port}: ${error.message}`, {
    cause: error,
    hint: taken
      ? 'another process listens there: stop it, or set EASEL_PORT (0 takes any free port)'
      : 'set EASEL_HOST and EASEL_PORT',
  });
}
