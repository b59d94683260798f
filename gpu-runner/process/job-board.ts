/**
 * @file The control worker's list of jobs that wait, run or finished last. The main thread's queue (job-queue.ts)
 * decides when a job runs; the board answers clients while the engine blocks that thread.
 */
import { Busy, NotFound, Unprocessable } from '../../errors.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { isBeside, JOB_KINDS, type Job, type JobDocument, type JobEvent } from '../protocol.ts';
import { createJobEvents, type JobEvents, type Watcher } from './job-events.ts';
import type { JobTicket } from './messages.ts';

/** Finished jobs that are remembered, so that a second submission is answered at once. */
const REMEMBERED = 64;
const RETRY_AFTER_SECONDS = 10;

export interface JobBoardOptions {
  /** Jobs that may wait. */
  readonly queueLimit: number;
  /** Differs between processes. */
  readonly boot: string;
  submit(ticket: JobTicket): void;
  /** Sets the abort flag of a running job; takes a waiting job out of the queue. */
  abort(ticket: JobTicket): void;
}

interface Entry {
  readonly ticket: JobTicket;
  readonly identity: string;
  state: JobDocument['state'];
  phase: string | undefined;
  /** Jobs before this one, as in its last `queued` event; 0 before the first such event. */
  position: number;
  /** The runner stops, so that no final event will come. */
  interrupted: boolean;
  readonly events: JobEvents;
}

export type JobBoard = ReturnType<typeof createJobBoard>;

export function createJobBoard(options: JobBoardOptions) {
  const entries = new Map<string, Entry>();
  const live = new Map<number, Entry>();
  const finished: Entry[] = [];
  const freeSlots = Array.from({ length: slotsFor(options.queueLimit) }, (_, slot) => slot);
  let nextTicket = 1;
  let finishedCount = 0;
  let stopping = false;

  const waiting = () => [...live.values()].filter(entry => entry.state === 'queued');
  const running = () => [...live.values()].filter(entry => entry.state === 'running');

  /** In the order of the main thread's queues: by priority, then by age. */
  function tellPositions(): void {
    const priority = (entry: Entry) => JOB_KINDS[entry.ticket.job.kind].priority;
    for (const beside of [false, true]) {
      const isHere = (entry: Entry) => isBeside(entry.ticket.job) === beside;
      const before = running().filter(isHere).length;
      const order = waiting()
        .filter(isHere)
        .sort((a, b) => priority(b) - priority(a) || a.ticket.id - b.ticket.id);
      order.forEach((entry, index) => {
        const position = before + index;
        if (entry.position === position) return;
        entry.position = position;
        entry.events.append({ type: 'queued', position });
      });
    }
  }

  function find(action: string): Entry {
    const entry = entries.get(action);
    if (entry !== undefined) return entry;
    throw new NotFound(`the gpu-runner does not know the job ${action}`, {
      hint: 'PUT the job; the runner remembers only its last finished jobs',
    });
  }

  function settle(entry: Entry): void {
    entry.events.end();
    live.delete(entry.ticket.id);
    freeSlots.push(entry.ticket.slot);
    finished.push(entry);
    finishedCount += 1;
    const oldest = finished.length > REMEMBERED ? finished.shift() : undefined;
    if (oldest !== undefined && entries.get(oldest.ticket.action) === oldest) entries.delete(oldest.ticket.action);
    tellPositions();
  }

  function describe(entry: Entry): JobDocument {
    const { last } = entry.events;
    return {
      v: 1,
      action: entry.ticket.action,
      state: entry.state,
      ...(last?.type === 'done' ? { result: last.result } : {}),
    };
  }

  return {
    /**
     * Starts the job, joins a running one, or answers with the remembered result. A failed job is tried again.
     * @throws Busy if the queue is full or the runner stops, Unprocessable if the action stands for another job.
     */
    put(action: Digest, job: Job): JobDocument {
      const identity = canonicalJson(job);
      const known = entries.get(action);
      if (known !== undefined && known.identity !== identity) {
        throw new Unprocessable(`the action ${action} is known as another ${known.ticket.job.kind} job`, {
          expected: 'one job per action',
        });
      }
      if (known !== undefined && known.state !== 'failed' && !known.interrupted) return describe(known);
      if (stopping) {
        throw new Busy('the gpu-runner is shutting down', {
          details: { stopping },
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        });
      }
      const slot = waiting().length < options.queueLimit ? freeSlots.pop() : undefined;
      if (slot === undefined) {
        throw new Busy(`the gpu-runner's queue is full: ${options.queueLimit} jobs wait`, {
          hint: 'try again later, or add a runner to EASEL_RUNNERS',
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        });
      }
      const id = nextTicket++;
      const entry: Entry = {
        ticket: { id, slot, action, job },
        identity,
        state: 'queued',
        phase: undefined,
        position: 0,
        interrupted: false,
        events: createJobEvents(`${options.boot}.${id}.`),
      };
      entries.set(action, entry);
      live.set(entry.ticket.id, entry);
      tellPositions();
      options.submit(entry.ticket);
      return describe(entry);
    },

    /** @throws NotFound */
    look: (action: string): JobDocument => describe(find(action)),

    /** @throws NotFound */
    watch: (action: string, client: string, lastEventId: string | undefined): Watcher =>
      find(action).events.watch(client, lastEventId),

    /**
     * Cancels a job.
     * @returns False if the job has ended, or if clients other than `client` follow it.
     * @throws NotFound
     */
    cancel(action: string, client: string | undefined): boolean {
      const entry = find(action);
      if (!live.has(entry.ticket.id)) return false;
      if (client !== undefined && entry.events.hasOthers(client)) return false;
      options.abort(entry.ticket);
      return true;
    },

    markStarted(ticket: number): void {
      const entry = live.get(ticket);
      if (entry === undefined) return;
      entry.state = 'running';
      tellPositions();
    },

    record(ticket: number, event: JobEvent): void {
      const entry = live.get(ticket);
      if (entry === undefined) return;
      if (event.type === 'progress') entry.phase = event.phase;
      if (event.type === 'done' || event.type === 'failed') entry.state = event.type;
      entry.events.append(event);
      if (event.type === 'done' || event.type === 'failed') settle(entry);
    },

    markInterrupted(ticket: number): void {
      const entry = live.get(ticket);
      if (entry === undefined) return;
      entry.interrupted = true;
      settle(entry);
    },

    /**
     * Takes no further jobs. Ends the streams of waiting jobs, so that their clients submit the jobs elsewhere or
     * later.
     */
    stop(): void {
      stopping = true;
      for (const entry of waiting()) {
        entry.interrupted = true;
        entry.events.end();
      }
    },

    status() {
      // A job beside the device is shown only when no other runs.
      const current = running().findLast(({ ticket }) => !isBeside(ticket.job)) ?? running().at(-1);
      return {
        running:
          current === undefined
            ? null
            : {
                action: current.ticket.action,
                kind: current.ticket.job.kind,
                ...(current.phase === undefined ? {} : { phase: current.phase }),
              },
        queued: waiting().length,
        finished: finishedCount,
        stopping,
      };
    },
  };
}

/** Number of abort flags: for waiting jobs, a running one, an interactive one in it, and one beside the device. */
export function slotsFor(queueLimit: number): number {
  return queueLimit + 3;
}
