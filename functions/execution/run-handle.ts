/** @file A run as its callers see it, whether it goes on here, in another process, or left only its result. */
import type { ProgressEvent } from '../../configs/progress.ts';
import type { WireError } from '../../errors-wire.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Result } from '../../storage/records.ts';

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

/** One entry of a run's log. Ids rise from 1, with gaps where a long log was thinned. */
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
  /** Stops the run for all its callers. @throws Conflict when another process runs it. */
  cancel(): void;
}
