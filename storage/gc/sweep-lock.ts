/**
 * @file The lock of gc, `gc/sweep.json`: only one gc deletes at a time. gc announces each batch here before it looks
 * for the last time whether the batch is still garbage. A call that extends the life of an old object first writes the
 * object and then reads this lock. So either gc sees the extended object, or the call sees the batch and waits for its
 * end.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { Conflict } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import { readVersioned, type Versioned, type WriteCondition, writeVersioned } from '../names/versioned.ts';
import { digestSchema } from '../records.ts';
import type { Etag, ObjectStore } from '../types.ts';

export const SWEEP_KEY = 'gc/sweep.json';

const sweepSchema = z.strictObject({
  v: z.literal(1),
  holder: z.string(),
  batch: z.int(),
  /** gc deletes nothing after this time. */
  expires_at: z.iso.datetime(),
  links: z.array(digestSchema),
});
type Sweep = z.infer<typeof sweepSchema>;

/** A batch that is not over after this time belongs to a gc that died. */
const BATCH_TTL_MS = 60_000;
/**
 * Share of the time to live in which deletes may begin. The rest covers deletes in progress and small differences of
 * clocks.
 */
const DELETING_SHARE = 1 / 3;
const POLL_MS = 50;

export interface SweepLock {
  /**
   * Announces the next batch. Objects that other processes extended before are visible from then on.
   * @returns When the last delete of the batch may begin: milliseconds since the epoch.
   * @throws Conflict when another gc took over.
   */
  announce(): Promise<number>;
  /** Ends the batch: waiting calls go on. */
  release(): Promise<void>;
}

/** @throws Conflict when another gc deletes now. */
export async function acquireSweep(store: ObjectStore, now: Clock['now']): Promise<SweepLock> {
  const holder = randomUUID();
  let batch = 0;
  let etag: Etag;

  async function write(expiresAt: number, condition: WriteCondition): Promise<Etag> {
    const document: Sweep = { v: 1, holder, batch, expires_at: new Date(expiresAt).toISOString(), links: [] };
    const written = await writeVersioned(store, SWEEP_KEY, document, condition);
    if (written !== undefined) return written;
    throw new Conflict('another gc deletes at the same time', {
      hint: 'wait for its end, then call again',
      retryAfterSeconds: 60,
    });
  }

  const before = await readVersioned(store, SWEEP_KEY, sweepSchema);
  if (before && !isOver(before, now())) {
    throw new Conflict(`another gc deletes now, at least until ${before.value.expires_at}`, {
      hint: 'wait for its end, then call again',
      retryAfterSeconds: 60,
    });
  }
  etag = await write(now() + BATCH_TTL_MS, before ? { ifMatch: before.etag } : { ifNoneMatch: '*' });

  return {
    async announce() {
      batch++;
      const startedAt = now();
      etag = await write(startedAt + BATCH_TTL_MS, { ifMatch: etag });
      return startedAt + BATCH_TTL_MS * DELETING_SHARE;
    },
    async release() {
      await write(now(), { ifMatch: etag });
    },
  };
}

/**
 * Waits until no batch is in progress. Call it after extending the life of an old object and before using the object.
 * @returns True if it waited for a batch. Then check that the object still exists: the batch may have deleted it.
 */
export async function waitForSweep(store: ObjectStore, { now, sleep }: Clock): Promise<boolean> {
  const seen = await readVersioned(store, SWEEP_KEY, sweepSchema);
  if (!seen || isOver(seen, now())) return false;
  for (let current: typeof seen | undefined = seen; current?.etag === seen.etag && !isOver(current, now()); ) {
    await sleep(POLL_MS);
    current = await readVersioned(store, SWEEP_KEY, sweepSchema);
  }
  return true;
}

function isOver({ value }: Versioned<Sweep>, now: number): boolean {
  return Date.parse(value.expires_at) <= now;
}
