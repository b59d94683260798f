/** @file Messages between the threads of one runner process. */
import type { WireError } from '../../errors-wire.ts';
import type { Digest } from '../../storage/digest.ts';
import type { EngineProbe } from '../compiler/engine.ts';
import type { Job, JobEvent } from '../protocol.ts';

/** One submission of a job. The next submission of a failed job gets a new ticket. */
export interface JobTicket {
  readonly id: number;
  /** Index of its abort flag. */
  readonly slot: number;
  readonly action: Digest;
  readonly job: Job;
}

export interface ControlOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly secret: string;
  readonly device: string;
  /** Told to another runner that asks for the device. */
  readonly storeUrl: string;
  /** Jobs that may wait. */
  readonly queueLimit: number;
  /** Longest time from the request to stop to the end of the process. */
  readonly stopDeadlineMs: number;
  /** Whether the process ends when its parent does. */
  readonly supervised: boolean;
  /** Whether the gpu-runner before this one was killed because memory ran out. */
  readonly killedForMemory: boolean;
  readonly flags: SharedArrayBuffer;
}

export type ToControl =
  | { readonly type: 'engines'; readonly engines: readonly EngineProbe[] }
  | { readonly type: 'started'; readonly ticket: number }
  | { readonly type: 'event'; readonly ticket: number; readonly event: JobEvent }
  /** The runner stops before the job has ended. Clients get no final event, and submit the job again. */
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
