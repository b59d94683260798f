/** @file The main thread's end of the control worker: starts it, tells it of jobs, gets jobs from it. */
import { Worker } from 'node:worker_threads';
import { rebuildError } from '../../errors-wire.ts';
import type { ControlOptions, FromControl, JobTicket, ToControl } from './messages.ts';

/** The control worker refused to start: another runner holds the device, or the port is taken. */
export class StartRefused extends Error {
  readonly exitCode: number;

  constructor(cause: Error, exitCode: number) {
    super(cause.message, { cause });
    this.exitCode = exitCode;
  }
}

export interface ControlClient {
  /** The address that clients call. @throws StartRefused */
  readonly listening: Promise<string>;
  /** The reason, once the worker asks for the end of the process. */
  readonly stopRequested: Promise<string>;
  tell(message: ToControl): void;
  /** Hands over each job, and each cancelled ticket; first those that came before this call. */
  onJob(start: (ticket: JobTicket) => void, cancel: (ticketId: number) => void): void;
  /** Answers clients that wait, then ends the worker. */
  close(): Promise<void>;
}

/** @param onDeath Called when the worker ends before {@link ControlClient.close}. */
export function startControl(workerData: ControlOptions, onDeath: (error: Error) => void): ControlClient {
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
  const die = (error: Error) => {
    if (!ending) onDeath(error);
  };
  worker.on('error', error => die(error instanceof Error ? error : new Error(String(error))));
  worker.on('exit', code => die(new Error(`the control worker ended with code ${code}`)));

  return {
    listening: listening.promise,
    stopRequested: stopRequested.promise,
    tell: message => worker.postMessage(message),
    onJob(start, cancel) {
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
