/**
 * @file The progress events of one run: replayed from any point, bounded in memory, thinned when they come too fast.
 * Only this log thins them: the events of runner jobs and those of functions in the server all pass it on their way to
 * clients and to the store.
 */
import type { ProgressEvent } from '../../configs/progress.ts';
import type { Clock } from '../../storage/clock.ts';
import type { RunEvent } from './run-handle.ts';

/** Of the events of one phase within this time, only the newest is kept. */
const COALESCE_MS = 200;
/** A longer log loses every second event of its older half. */
const MAX_EVENTS = 4000;

export interface RunLog {
  readonly last: ProgressEvent | undefined;
  readonly entries: readonly RunEvent[];
  add(event: ProgressEvent): void;
  /** Adds the event that waits, and ends all followers. */
  end(): void;
  follow(after: number, signal?: AbortSignal): AsyncIterable<RunEvent>;
}

export function createRunLog(clock: Clock): RunLog {
  let entries: RunEvent[] = [];
  let nextId = 1;
  let newest: ProgressEvent | undefined;
  let held: ProgressEvent | undefined;
  let releasing: AbortController | undefined;
  let addedAt = Number.NEGATIVE_INFINITY;
  let ended = false;
  let waiting: (() => void)[] = [];

  function wake(): void {
    const all = waiting;
    waiting = [];
    for (const resolve of all) resolve();
  }

  function append(event: ProgressEvent): void {
    entries.push({ id: nextId++, data: event });
    addedAt = clock.monotonic();
    if (entries.length > MAX_EVENTS) {
      const half = entries.length >> 1;
      entries = entries.filter((_, index) => index >= half || index % 2 === 0);
    }
    wake();
  }

  function release(): void {
    releasing?.abort();
    releasing = undefined;
    const event = held;
    held = undefined;
    if (event !== undefined) append(event);
  }

  /** Releases nothing after an abort. */
  function releaseAfter(ms: number): AbortController {
    const waiting = new AbortController();
    clock.sleep(ms, waiting.signal).then(release, () => {});
    return waiting;
  }

  return {
    get last() {
      return newest;
    },
    get entries() {
      return entries;
    },
    add(event) {
      if (ended) return;
      const previous = newest;
      newest = event;
      const follows = previous !== undefined && previous.phase === event.phase;
      if (!follows) {
        release();
        append(event);
        return;
      }
      const wait = addedAt + COALESCE_MS - clock.monotonic();
      held = event;
      if (wait <= 0) release();
      else releasing ??= releaseAfter(wait);
    },
    end() {
      release();
      ended = true;
      wake();
    },
    async *follow(after, signal) {
      let reached = after;
      signal?.addEventListener('abort', wake);
      try {
        while (!signal?.aborted) {
          // The list may have been thinned while the consumer was busy, so it is searched each time.
          const next = entries[indexAfter(entries, reached)];
          if (next !== undefined) {
            reached = next.id;
            yield next;
          } else if (ended) {
            return;
          } else {
            await new Promise<void>(resolve => waiting.push(resolve));
          }
        }
      } finally {
        signal?.removeEventListener('abort', wake);
      }
    },
  };
}

/** Index of the first entry with a larger id (binary search: ids rise). */
function indexAfter(entries: readonly RunEvent[], id: number): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.id ?? 0) > id) high = middle;
    else low = middle + 1;
  }
  return low;
}
