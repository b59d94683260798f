/** @file One job at a time on the main thread; those that are interactive may also run between the steps of another. */
import PQueue from 'p-queue';
import { isInteractive, JOB_KINDS } from '../protocol.ts';
import type { JobTicket } from './messages.ts';

export interface JobQueue {
  add(ticket: JobTicket): void;
  /** Takes a job that has not started out of the queue; false when it has. */
  remove(ticketId: number): boolean;
  /** Runs the interactive jobs that wait now, one after the other. Called from inside the running job. */
  runInteractive(): Promise<void>;
  /** Takes out all that wait and starts nothing more; resolves when the running job has ended. */
  drain(): Promise<readonly JobTicket[]>;
}

/** `run` never rejects: it reports how the job ended. */
export function createJobQueue(run: (ticket: JobTicket) => Promise<void>): JobQueue {
  const queue = new PQueue({ concurrency: 1 });
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
      queue
        .add(task, { priority: JOB_KINDS[ticket.job.kind].priority, signal: leave.signal })
        .catch((error: unknown) => {
          // Leaving the queue rejects; anything else is a defect and ends the process.
          if (!leave.signal.aborted) throw error;
        });
    },
    remove: ticketId => remove(ticketId) !== undefined,
    async runInteractive() {
      const now = [...waiting.values()].filter(({ ticket }) => isInteractive(ticket.job));
      for (const { ticket } of now) if (remove(ticket.id) !== undefined) await run(ticket);
    },
    async drain() {
      queue.pause();
      const left = [...waiting.keys()].flatMap(id => remove(id) ?? []);
      await queue.onPendingZero();
      return left;
    },
  };
}
