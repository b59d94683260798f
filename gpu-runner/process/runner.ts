/** @file The main thread of a runner: starts the workers, runs one job at a time, and stops in order. */
import { AppError, Cancelled, Internal } from '../../errors.ts';
import { cutPaths, describeError } from '../../errors-wire.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Engine, EngineProbe } from '../compiler/engine.ts';
import type { JobContext, JobHandlers } from '../jobs/context.ts';
import { isBeside, isInteractive, type Job, type JobKind, type JobResult, jobResultSchema } from '../protocol.ts';
import { createBlobClient } from './blob-client.ts';
import { startControl } from './control-client.ts';
import { slotsFor } from './job-board.ts';
import { createJobQueue } from './job-queue.ts';
import { createLoaders } from './loader-client.ts';
import type { JobTicket } from './messages.ts';
import { createSharedFlags } from './shared-flags.ts';

const HEARTBEAT_MS = 200;

export interface RunnerOptions {
  readonly store: string;
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  readonly device: string;
  readonly supervised: boolean;
  /** Whether the runner before this one was killed because memory ran out. */
  readonly killedForMemory: boolean;
  /** Folder of what later processes may use again, such as checksums of columns. */
  readonly cacheFolder: string;
  /** Bytes of training data that may be kept in memory. */
  readonly pageBudgetBytes: number;
  readonly handlers: JobHandlers;
  openEngine(spec: EngineSpec, options: { readonly blobs: BlobStore }): Promise<Engine>;
  probeEngines(): Promise<readonly EngineProbe[]>;
  /** Jobs that may wait; default 16. */
  readonly queueLimit?: number;
  /** Time from the request to stop to the end of the process: for the step, the commit and the answer; default 60 s. */
  readonly stopDeadlineMs?: number;
}

export interface Runner {
  /** `http://127.0.0.1:PORT` */
  readonly address: string;
  /** Lets the running job finish its step and commit what it has, answers its clients, then ends the workers. */
  stop(): Promise<void>;
  /** Resolves with the reason when the control worker asks for the end of the process. */
  readonly stopRequested: Promise<string>;
}

/**
 * A worker that dies after the start ends the process. The supervisor then starts it again, and clients submit their
 * jobs again.
 * @throws StartRefused if the device is held or the port is taken, AppError if the store cannot be opened.
 */
export async function startRunner(options: RunnerOptions): Promise<Runner> {
  const queueLimit = options.queueLimit ?? 16;
  const flags = createSharedFlags(slotsFor(queueLimit));
  const control = startControl(
    {
      host: options.host,
      port: options.port,
      secret: options.secret,
      device: options.device,
      storeUrl: options.store,
      queueLimit,
      stopDeadlineMs: options.stopDeadlineMs ?? 60_000,
      supervised: options.supervised,
      killedForMemory: options.killedForMemory,
      flags: flags.buffer,
    },
    die,
  );
  const address = await control.listening;
  const store = { storeUrl: options.store, cacheFolder: options.cacheFolder };
  const blobs = createBlobClient(store, die);
  await blobs.ready;
  const engines = createEngineCache(spec => options.openEngine(spec, { blobs }));
  const loaders = createLoaders(store, options.pageBudgetBytes, die);
  const beating = setInterval(() => flags.beat(), HEARTBEAT_MS);
  let stopping: Promise<void> | undefined;

  const queue = createJobQueue(async ticket => {
    control.tell({ type: 'started', ticket: ticket.id });
    const context: JobContext = {
      blobs,
      engine: engines.open,
      openSource: loaders.open,
      progress: event => control.tell({ type: 'event', ticket: ticket.id, event: { type: 'progress', ...event } }),
      async breathe() {
        flags.beat();
        // Messages of the workers, signals and finished writes arrive in this turn of the event loop.
        await new Promise(resolve => setImmediate(resolve));
        const holdsDevice = !isInteractive(ticket.job) && !isBeside(ticket.job);
        if (holdsDevice && stopping === undefined) await queue.runInteractive();
        if (flags.isAborted(ticket.slot)) throw new Cancelled(`the ${ticket.job.kind} job was cancelled`);
        return stopping === undefined ? 'continue' : 'stop';
      },
    };
    try {
      const result = jobResultSchema.parse(await runJob(options.handlers, context, ticket.job));
      control.tell({ type: 'event', ticket: ticket.id, event: { type: 'done', result } });
    } catch (error) {
      reportFailure(ticket, error);
    }
  });

  function reportFailure(ticket: JobTicket, error: unknown): void {
    const cancelled = error instanceof Cancelled;
    if (cancelled && stopping !== undefined && !flags.isAborted(ticket.slot)) {
      control.tell({ type: 'interrupted', ticket: ticket.id });
      return;
    }
    const described = describeError(error instanceof AppError ? error : defect(error));
    if (described.code === 'internal')
      console.error(`easel runner: ${ticket.job.kind} ${ticket.action} failed:`, error);
    control.tell({ type: 'event', ticket: ticket.id, event: { type: 'failed', error: described } });
  }

  async function stop(): Promise<void> {
    control.tell({ type: 'stopping' });
    for (const ticket of await queue.drain()) control.tell({ type: 'interrupted', ticket: ticket.id });
    await engines.dispose();
    await loaders.close();
    await blobs.close();
    await control.close();
    clearInterval(beating);
  }

  const probes = await options.probeEngines();
  control.tell({ type: 'engines', engines: probes });
  control.onJob(
    ticket => {
      if (stopping === undefined) queue.add(ticket);
      else control.tell({ type: 'interrupted', ticket: ticket.id });
    },
    ticketId => {
      const error = describeError(new Cancelled('the job was cancelled before it started'));
      if (queue.remove(ticketId)) control.tell({ type: 'event', ticket: ticketId, event: { type: 'failed', error } });
    },
  );
  return {
    address,
    stopRequested: control.stopRequested,
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** Generic in the kind, so that TypeScript pairs the job with its own handler. */
function runJob<K extends JobKind>(handlers: JobHandlers, context: JobContext, job: Job<K>): Promise<JobResult> {
  return handlers[job.kind](context, job);
}

function defect(error: unknown): Internal {
  const said = cutPaths(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
  return new Internal(`the job failed unexpectedly: ${said}`, {
    hint: "this is a defect; the gpu-runner's log has the stack",
  });
}

/** One engine per spec, opened at its first use and kept warm. */
function createEngineCache(openEngine: (spec: EngineSpec) => Promise<Engine>) {
  const opened = new Map<string, Promise<Engine>>();
  return {
    open(spec: EngineSpec): Promise<Engine> {
      const key = canonicalJson(spec);
      const known = opened.get(key);
      if (known !== undefined) return known;
      const engine = openEngine(spec);
      opened.set(key, engine);
      engine.catch(() => opened.delete(key));
      return engine;
    },
    async dispose() {
      for (const engine of await Promise.allSettled(opened.values())) {
        if (engine.status === 'fulfilled') await engine.value.dispose();
      }
    },
  };
}

/** A worker ended that the runner cannot do without. The supervisor starts the runner again. */
function die(error: Error): never {
  console.error('easel runner:', error);
  process.exit(1);
}
