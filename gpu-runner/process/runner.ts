/** @file The main thread of a runner: starts the workers, runs one job at a time, stops in order. */
import { Worker } from 'node:worker_threads';
import { AppError, Cancelled, Internal } from '../../errors.ts';
import { describeError, rebuildError } from '../../errors-wire.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { Engine, EngineProbe } from '../compiler/engine.ts';
import type { JobContext, JobHandlers } from '../jobs/context.ts';
import { isInteractive, type Job, type JobKind, type JobResult, jobResultSchema } from '../protocol.ts';
import type { TrainingSource } from '../training/source.ts';
import { createBlobClient } from './blob-client.ts';
import { slotsFor } from './job-board.ts';
import { createJobQueue } from './job-queue.ts';
import { openLoader } from './loader-client.ts';
import type { ControlOptions, FromControl, JobTicket, ToControl } from './messages.ts';
import { createSharedFlags } from './shared-flags.ts';

const HEARTBEAT_MS = 200;

export interface RunnerOptions {
  readonly store: string;
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  readonly device: string;
  readonly supervised: boolean;
  /** Bytes of training data that may be kept in memory. */
  readonly pageBudgetBytes: number;
  readonly handlers: JobHandlers;
  openEngine(spec: EngineSpec): Promise<Engine>;
  probeEngines(): Promise<readonly EngineProbe[]>;
  /** Jobs that may wait; default 16. */
  readonly queueLimit?: number;
  /** Time for the step, the commit and the answer after a request to stop; default 60 s. */
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

/** Refused by the control worker before it listened, with the exit code that says why. */
export class StartRefused extends Error {
  readonly exitCode: number;

  constructor(cause: Error, exitCode: number) {
    super(cause.message, { cause });
    this.exitCode = exitCode;
  }
}

/**
 * A worker that dies after the start ends the process. The supervisor then starts it again, and clients submit their
 * jobs again.
 * @throws StartRefused if the device is held or the port is taken, AppError if the store cannot be opened.
 */
export async function startRunner(options: RunnerOptions): Promise<Runner> {
  const queueLimit = options.queueLimit ?? 16;
  const flags = createSharedFlags(slotsFor(queueLimit));
  const control = startControl({
    host: options.host,
    port: options.port,
    secret: options.secret,
    device: options.device,
    storeUrl: options.store,
    queueLimit,
    stopDeadlineMs: options.stopDeadlineMs ?? 60_000,
    supervised: options.supervised,
    flags: flags.buffer,
  });
  const address = await control.listening;
  const blobs = createBlobClient(options.store, error => dieOf('blob worker', error));
  await blobs.ready;
  const engines = createEngineCache(options.openEngine);
  const loaders = createLoaders(options);
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
        // One turn of the event loop, in which messages of the workers, signals and finished writes arrive.
        await new Promise(resolve => setImmediate(resolve));
        if (!isInteractive(ticket.job) && stopping === undefined) await queue.runInteractive();
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
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new Internal(`the job failed unexpectedly: ${said}`, {
    hint: "this is a defect; the gpu-runner's log has the stack",
  });
}

/** Loader workers of the sources that are open. */
function createLoaders({ store, pageBudgetBytes }: RunnerOptions) {
  const opened = new Set<TrainingSource>();
  const open: JobContext['openSource'] = async (options, onPage) => {
    const onDeath = (error: Error) => dieOf('loader worker', error);
    const loader = await openLoader(store, { ...options, budgetBytes: pageBudgetBytes }, onPage, onDeath);
    const source: TrainingSource = {
      ...loader,
      close() {
        opened.delete(source);
        return loader.close();
      },
    };
    opened.add(source);
    return source;
  };
  return {
    open,
    async close() {
      for (const source of [...opened]) await source.close();
    },
  };
}

/** One engine per spec, opened when first asked for and kept warm. */
function createEngineCache(openEngine: RunnerOptions['openEngine']) {
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

function startControl(workerData: ControlOptions) {
  const worker = new Worker(new URL('./control.ts', import.meta.url), { workerData });
  const listening = Promise.withResolvers<string>();
  const stopRequested = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<void>();
  const early: FromControl[] = [];
  let receive = (message: FromControl): void => void early.push(message);
  let ending = false;

  worker.on('message', (message: FromControl) => {
    switch (message.type) {
      case 'listening':
        return listening.resolve(message.address);
      case 'refused':
        ending = true;
        listening.reject(new StartRefused(rebuildError(message.error), message.exitCode));
        return void worker.terminate();
      case 'stop':
        return stopRequested.resolve(message.reason);
      case 'closed':
        return closed.resolve();
      default:
        return receive(message);
    }
  });
  const die = (error: unknown) => {
    if (!ending) dieOf('control worker', error);
  };
  worker.on('error', die);
  worker.on('exit', code => die(new Error(`ended with code ${code}`)));

  return {
    listening: listening.promise,
    stopRequested: stopRequested.promise,
    tell: (message: ToControl) => worker.postMessage(message),
    /** Jobs that came while the engines were still being probed are handed over first. */
    onJob(start: (ticket: JobTicket) => void, cancel: (ticketId: number) => void) {
      receive = message => {
        if (message.type === 'job') start(message.ticket);
        if (message.type === 'cancel') cancel(message.ticket);
      };
      early.splice(0).forEach(receive);
    },
    async close() {
      worker.postMessage({ type: 'close' } satisfies ToControl);
      await closed.promise;
      ending = true;
      await worker.terminate();
    },
  };
}

function dieOf(part: string, error: unknown): never {
  console.error(`easel runner: the ${part} failed:`, error);
  process.exit(1);
}
