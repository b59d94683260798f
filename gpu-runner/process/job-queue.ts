/**
 * @file One job at a time on the device. An interactive job may also run between the steps of another job. Jobs that do
 * not use the device have a queue of their own.
 */
import PQueue from 'p-queue';
import { isBeside, isInteractive, JOB_KINDS } from '../protocol.ts';
import type { JobTicket } from './messages.ts';

export interface JobQueue {
  add(ticket: JobTicket): void;
  /** Removes a waiting job; false when it has started. */
  remove(ticketId: number): boolean;
  /** Runs the interactive jobs that wait now, one after the other. The running job calls it. */
  runInteractive(): Promise<void>;
  /** Starts no more jobs. Resolves with the waiting jobs when the running job has ended. */
  drain(): Promise<readonly JobTicket[]>;
}

/** @param run Never rejects: it reports how the job ended. */
export function createJobQueue(run: (ticket: JobTicket) => Promise<void>): JobQueue {
  const queue = new PQueue({ concurrency: 1 });
  const besideQueue = new PQueue({ concurrency: 1 });
  const waiting = new Map<number, { readonly ticket: JobTicket; readonly leave: AbortController }>();

  function take(ticketId: number): JobTicket | undefined {
    const found = waiting.get(ticketId);
    waiting.delete(ticketId);
    return found?.ticket;
  }

  function remove(ticketId: number): JobTicket | undefined {
    const leave = waiting.get(ticketId)?.leave;
    const ticket = take(ticketId);
    leave?.abort();
    return ticket;
  }

  return {
    add(ticket) {
      const leave = new AbortController();
      waiting.set(ticket.id, { ticket, leave });
      const task = async () => {
        if (take(ticket.id) !== undefined) await run(ticket);
      };
      (isBeside(ticket.job) ? besideQueue : queue)
        .add(task, { priority: JOB_KINDS[ticket.job.kind].priority, signal: leave.signal })
        .catch((error: unknown) => {
          // Removal from the queue rejects. Any other error is a defect and ends the process.
          if (!leave.signal.aborted) throw error;
        });
    },
    remove: ticketId => remove(ticketId) !== undefined,
    async runInteractive() {
      const now = [...waiting.values()].filter(({ ticket }) => isInteractive(ticket.job));
      for (const { ticket } of now) if (remove(ticket.id) !== undefined) await run(ticket);
    },
    async drain() {
      for (const each of [queue, besideQueue]) each.pause();
      const left = [...waiting.keys()].flatMap(id => remove(id) ?? []);
      for (const each of [queue, besideQueue]) await each.onPendingZero();
      return left;
    },
  };
}
