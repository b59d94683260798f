/** @file What execute.ts promises to the server: call a function, start one as a run, look at a run. */
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import type { Result } from '../storage/records.ts';
import type { AnyFunction, CallAnswer, CallOptions, ProgressEvent } from './define.ts';

/** RFC 9457 problem document, as `server/problem.ts` and the run's state carry it. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly expected?: string;
  readonly hint?: string;
  readonly instance?: string;
  readonly errors?: readonly ProblemIssue[];
}

/** One thing that was wrong with a body: `pointer` is a JSON pointer (RFC 6901). */
export interface ProblemIssue {
  readonly pointer: string;
  readonly detail: string;
}

export type RunStatus = 'queued' | 'running' | 'done' | 'failed';

/** `GET /runs/<action>`. For an effect `result` is the JSON that it returned. */
export interface RunDocument {
  readonly v: 1;
  readonly action: Digest;
  readonly function: string;
  readonly state: RunStatus;
  readonly cache?: 'hit' | 'miss';
  readonly result?: Result | Json;
  readonly problem?: Problem;
  readonly progress?: ProgressEvent;
  /** Keys that were given as names, with the digests they stood for. */
  readonly resolved?: Readonly<Record<string, Digest>>;
}

/** One entry of a run's log; ids rise from 1, with gaps where a long log was thinned out. */
export interface RunEvent {
  readonly id: number;
  readonly data: ProgressEvent;
}

/** What a run ended with. `action` differs from the run's when the work was cut short and stands for another action. */
export interface RunAnswer {
  readonly action: Digest;
  readonly cache: 'hit' | 'miss';
  readonly result: Result | Json;
}

export interface RunHandle {
  readonly action: Digest;
  readonly function: string;
  /** Settles when the run does; rejects with an AppError. */
  readonly finished: Promise<RunAnswer>;
  document(): RunDocument;
  /** Events with an id above `after`, then each new one; ends when the run has. */
  events(after: number, signal?: AbortSignal): AsyncIterable<RunEvent>;
  /** Stops the run for everybody who waits for it. */
  cancel(): void;
}

export interface StartOptions {
  readonly skipCache?: boolean;
}

export interface ExecutorCallOptions extends CallOptions {
  readonly onEvent?: (event: ProgressEvent) => void;
}

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
  /** A run of this process, or the last one that any process wrote down. */
  findRun(action: Digest): Promise<RunHandle | undefined>;
  /** Cancels what runs, waits for it, closes the pool. */
  close(): Promise<void>;
}
