/** @file A server and its gpu-runner in the process of a test, to be thrown away: all that outlives it is the store. */
import { createExecutor } from '../../functions/execution/executor.ts';
import { registry } from '../../functions/registry.ts';
import { poolInPlace } from '../../functions/testing/pictures.ts';
import { ASKED_ENGINE, createFakeRunner } from '../../functions/testing/training.ts';
import { createApp } from '../../server/app.ts';
import type { ServerDeps } from '../../server/deps.ts';
import { parseEnv } from '../../server/env.ts';
import { resumeExperiments } from '../../server/resume.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { type Clock, SYSTEM_CLOCK } from '../../storage/clock.ts';
import { createMemoryStore, type MemoryObjects } from '../../storage/drivers/memory.ts';
import { interceptStore, type StoreCall } from '../../storage/intercept.ts';
import { LEASE_TTL_MS } from '../../storage/names/lease.ts';
import { probeStore } from '../../storage/probe.ts';
import { FakeTime } from '../../storage/testing/fake-time.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { type Ends, type PipelineOptions, runPipeline, type Send } from './crash-pipeline.ts';
import { createMortalStore, type Death } from './mortal-store.ts';

/** Of 16 px, on the fake runner. */
export const FAKE_PIPELINE: PipelineOptions = {
  size: 16,
  chunks: 3,
  model: { hidden_size: 16, depth: 1, num_heads: 1, patch_size: 8, patch_overlap: 0 },
  engine: ASKED_ENGINE,
};

/** Long enough for every call of the pipeline. */
const PREFER = 'wait=60';

export interface Instance {
  readonly send: Send;
  /** Waits until everything is written down. */
  close(): Promise<void>;
}

/** Starts as server/main.ts does: probes the store, goes on with what was in training. */
export async function startInstance(store: ObjectStore, clock: Clock): Promise<Instance> {
  await probeStore(store);
  const blobs = createBlobStore(store);
  const runner = createFakeRunner(blobs);
  // The runs of the server go by real time.
  const serverClock = { ...SYSTEM_CLOCK, now: clock.now };
  const executor = createExecutor({
    store,
    blobs,
    registry,
    runner,
    pool: poolInPlace,
    importRoots: [],
    clock: serverClock,
    lease: { clock },
  });
  const env = parseEnv({ EASEL_STORE: 'memory:' }, '/');
  const deps: ServerDeps = { store, blobs, executor, runner, env, clock: serverClock };
  const app = createApp(deps);
  await resumeExperiments(deps, () => {});
  return {
    async send(method, path, body) {
      const headers = { accept: 'application/json', 'content-type': 'application/json', prefer: PREFER };
      const response = await app.request(path, { method, headers, body: JSON.stringify(body) });
      return { status: response.status, body: await response.json() };
    },
    close: () => executor.close(),
  };
}

/**
 * A clock that advances only while a process waits for the lease of another. All work happens at one moment, so no
 * renewal falls due.
 * @param startedAt Milliseconds since the epoch.
 */
export function createLeaseClock(startedAt: number): Clock {
  // A lease is renewed after a third of its time.
  return new FakeTime({ startsAt: startedAt, sleepMoves: ms => (ms < LEASE_TTL_MS / 3 ? ms : undefined) }).clock();
}

/** A whole life: starts, runs the pipeline, ends in order. @throws Error when a call is refused. */
export async function live(store: ObjectStore, clock: Clock): Promise<Ends> {
  const instance = await startInstance(store, clock);
  const ends = await runPipeline(instance.send, FAKE_PIPELINE);
  await instance.close();
  return ends;
}

/** A moment at which a life can end. */
export interface LastMoment extends Death {
  readonly call: StoreCall;
  /** What it leaves. */
  readonly objects: MemoryObjects;
}

/** A whole life on an empty store, and what it would have left had it ended before or after any of its operations. */
export async function recordLife(clock: Clock) {
  const objects: MemoryObjects = new Map();
  const moments: LastMoment[] = [];
  let operation = 0;
  const recorded = interceptStore(createMemoryStore(objects), async (call, run) => {
    const own = { call, operation: ++operation };
    moments.push({ ...own, moment: 'before', objects: new Map(objects) });
    try {
      return await run();
    } finally {
      moments.push({ ...own, moment: 'after', objects: new Map(objects) });
    }
  });
  return { ends: await live(recorded, clock), moments, objects, operations: operation };
}

/**
 * A life that ends at an operation on the store: what had been asked of the store by then happens, nothing else does.
 * @returns Where it died; undefined when the pipeline had ended before.
 */
export async function liveUntil(store: ObjectStore, clock: Clock, death: Death): Promise<StoreCall | undefined> {
  const asked = new Set<Promise<unknown>>();
  const tracked = interceptStore(store, async (_, run) => {
    const answer = run();
    const settled: Promise<unknown> = answer.then(
      () => asked.delete(settled),
      () => asked.delete(settled),
    );
    asked.add(settled);
    return answer;
  });
  const died = Promise.withResolvers<StoreCall>();
  const mortal = createMortalStore(tracked, death, died.resolve);
  const end = await Promise.race([live(mortal, clock).then(() => undefined), died.promise]);
  await Promise.all(asked);
  return end;
}
