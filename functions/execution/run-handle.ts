/** @file A run as callers see it. It goes on here or in another process, or left only its result. */
import type { ProgressEvent } from '../../configs/progress.ts';
import type { WireError } from '../../errors-wire.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Result } from '../../storage/records.ts';

export type RunStatus = 'queued' | 'running' | 'done' | 'failed';

/** The state of a run. */
export interface RunState {
  /** For an effect, the digest of its name and key. */
  readonly action: Digest;
  readonly function: string;
  readonly state: RunStatus;
  readonly cache?: 'hit' | 'miss';
  /** For an effect, the returned JSON. Work that was cut short has a result with another action than the run. */
  readonly result?: Result | Json;
  readonly error?: WireError;
  readonly progress?: ProgressEvent;
  /** Digests of the keys that were given as names. */
  readonly resolved?: Readonly<Record<string, Digest>>;
}

/** One entry of a run's log. Ids rise from 1, with gaps where a long log was thinned. */
export interface RunEvent {
  readonly id: number;
  readonly data: ProgressEvent;
}

export interface RunHandle {
  readonly action: Digest;
  readonly function: string;
  state(): Promise<RunState>;
  /** Waits for the end of the run, at most `ms` milliseconds and until `signal` aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<RunState>;
  /** Events with an id above `after`, then each new event, until the run ends or `signal` aborts. */
  events(after: number, signal?: AbortSignal): AsyncIterable<RunEvent>;
  /** Stops the run for all its callers. @throws Conflict when another process runs it. */
  cancel(): void;
}
