/** @file What execute.ts promises to the server: call a function, start one as a run, look at a run. */
import type { ProgressEvent } from '../../configs/progress.ts';
import type { WireError } from '../../errors-wire.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Result } from '../../storage/records.ts';
import type { AnyFunction, CallAnswer, CallOptions } from '../define.ts';

export type RunStatus = 'queued' | 'running' | 'done' | 'failed';

/** What is known of a run now. */
export interface RunState {
  /** For an effect, the digest of its name and key. */
  readonly action: Digest;
  readonly function: string;
  readonly state: RunStatus;
  readonly cache?: 'hit' | 'miss';
  /** For an effect, the JSON that it returned. Its action differs from the run's when the work was cut short. */
  readonly result?: Result | Json;
  readonly error?: WireError;
  readonly progress?: ProgressEvent;
  /** Keys that were given as names, with the digests they stood for. */
  readonly resolved?: Readonly<Record<string, Digest>>;
}

/** One entry of a run's log; ids rise from 1, with gaps where a long log was thinned out. */
export interface RunEvent {
  readonly id: number;
  readonly data: ProgressEvent;
}

export interface RunHandle {
  readonly action: Digest;
  readonly function: string;
  state(): Promise<RunState>;
  /** The state once the run has ended, or after `ms` milliseconds, or when `signal` aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<RunState>;
  /** Events with an id above `after`, then each new one; ends when the run has, or when `signal` aborts. */
  events(after: number, signal?: AbortSignal): AsyncIterable<RunEvent>;
  /** Stops the run for everybody who waits for it. @throws Conflict when another process runs it. */
  cancel(): void;
}

export interface StartOptions {
  readonly skipCache?: boolean;
}

export type ExecutorCallOptions = CallOptions;

export interface Executor {
  readonly functions: ReadonlyMap<string, AnyFunction>;
  /**
   * Calls a pure or page function and waits for its result. Aborting `signal` stops the work unless another caller waits for it.
   * @throws InvalidInput (unknown keys, wrong types), NotFound (function, name, digest), Cancelled, and whatever the function throws.
   */
  call(name: string, body: Json, options?: ExecutorCallOptions): Promise<CallAnswer>;
  /** Runs an effect to its end and returns its JSON; joins an equal one that goes on. */
  callEffect(name: string, body: Json, options?: ExecutorCallOptions): Promise<Json>;
  /** Starts any function as a run that goes on whoever waits; equal calls share one run. @throws InvalidInput, NotFound */
  start(name: string, body: Json, options?: StartOptions): Promise<RunHandle>;
  /** Does work of a route itself: when it misses a blob that a function made, has it made again and does the work once more. */
  heal<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>;
  /** A run of this process, or what the store says of one. */
  findRun(action: Digest): Promise<RunHandle | undefined>;
  /**
   * Before a stop: starts nothing new and waits up to `ms` for what runs. What still runs then is not cancelled, so that a job goes on
   * at the runner and the next server finds it there.
   */
  drain(ms: number): Promise<void>;
  /** Cancels what runs and waits for it. */
  close(): Promise<void>;
}
