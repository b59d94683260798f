/** @file What the threads of one runner process tell each other: plain objects, all of them made by this code. */
import type { WireError } from '../../errors-wire.ts';
import type { Digest } from '../../storage/digest.ts';
import type { EngineProbe } from '../compiler/engine.ts';
import type { Job, JobEvent } from '../protocol.ts';

/** One submission of a job. A job that failed and is submitted again gets a new ticket. */
export interface JobTicket {
  readonly id: number;
  /** Index of its abort flag. */
  readonly slot: number;
  readonly action: Digest;
  readonly job: Job;
}

export interface ControlOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly secret: string;
  readonly device: string;
  /** Store as told to whoever asks who holds the device. */
  readonly storeUrl: string;
  /** Jobs that may wait. */
  readonly queueLimit: number;
  /** Between the request to stop and the end of the process. */
  readonly stopDeadlineMs: number;
  /** The process must end when its parent does. */
  readonly supervised: boolean;
  readonly flags: SharedArrayBuffer;
}

export type ToControl =
  | { readonly type: 'engines'; readonly engines: readonly EngineProbe[] }
  | { readonly type: 'started'; readonly ticket: number }
  | { readonly type: 'event'; readonly ticket: number; readonly event: JobEvent }
  /** Shutting down before the job could end: nothing is said to its clients, who submit it again. */
  | { readonly type: 'interrupted'; readonly ticket: number }
  | { readonly type: 'stopping' }
  | { readonly type: 'close' };

export type FromControl =
  | { readonly type: 'listening'; readonly address: string }
  | { readonly type: 'refused'; readonly error: WireError; readonly exitCode: number }
  | { readonly type: 'job'; readonly ticket: JobTicket }
  | { readonly type: 'cancel'; readonly ticket: number }
  | { readonly type: 'stop'; readonly reason: string }
  | { readonly type: 'closed' };
