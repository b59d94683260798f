/** @file The events of one job: bounded in memory, replayed after any id, followed by streams of several clients. */
import type { JobEvent } from '../protocol.ts';

/** Events kept per job. The oldest are dropped first. */
const LOG_LENGTH = 1000;

export interface LoggedEvent {
  /** `<prefix><number>`. */
  readonly id: string;
  readonly event: JobEvent;
}

export interface Watcher {
  /** Events since the last call, or [] after `timeoutMs` without an event, or undefined when no more will come. */
  next(timeoutMs: number): Promise<readonly LoggedEvent[] | undefined>;
  close(): void;
}

export interface JobEvents {
  readonly last: JobEvent | undefined;
  append(event: JobEvent): void;
  /** No more events will come: streams end after the last one. */
  end(): void;
  /** Opens a stream. After an id with another prefix, or without an id, all events are replayed. */
  watch(client: string, lastEventId: string | undefined): Watcher;
  /** Whether a client other than `client` has an open stream. */
  hasOthers(client: string): boolean;
}

export function createJobEvents(prefix: string): JobEvents {
  const log: { readonly number: number; readonly event: JobEvent }[] = [];
  const wakers = new Set<() => void>();
  /** Number of open streams by client. */
  const clients = new Map<string, number>();
  let nextNumber = 1;
  let ended = false;

  function wake(): void {
    for (const waker of [...wakers]) waker();
  }

  return {
    get last() {
      return log.at(-1)?.event;
    },
    append(event) {
      log.push({ number: nextNumber++, event });
      if (log.length > LOG_LENGTH) log.shift();
      wake();
    },
    end() {
      ended = true;
      wake();
    },
    watch(client, lastEventId) {
      let after = lastEventId?.startsWith(prefix) ? Number(lastEventId.slice(prefix.length)) : 0;
      let closed = false;
      let wakeUp: (() => void) | undefined;
      clients.set(client, (clients.get(client) ?? 0) + 1);
      const waker = () => wakeUp?.();
      wakers.add(waker);
      const unread = () => log.filter(({ number }) => number > after);
      return {
        async next(timeoutMs) {
          if (unread().length === 0 && !closed && !ended) {
            await new Promise<void>(resolve => {
              const timer = setTimeout(resolve, timeoutMs);
              wakeUp = () => {
                clearTimeout(timer);
                resolve();
              };
            });
            wakeUp = undefined;
          }
          const events = closed ? [] : unread();
          if (events.length === 0) return closed || ended ? undefined : [];
          after = events.at(-1)?.number ?? after;
          return events.map(({ number, event }) => ({ id: `${prefix}${number}`, event }));
        },
        close() {
          if (closed) return;
          closed = true;
          wakers.delete(waker);
          const streams = (clients.get(client) ?? 1) - 1;
          if (streams > 0) clients.set(client, streams);
          else clients.delete(client);
          wakeUp?.();
        },
      };
    },
    hasOthers: client => [...clients.keys()].some(other => other !== client),
  };
}
