/**
 * @file `gc/sweep.json`: one gc deletes at a time, and says so before it looks, for the last time, whether anybody needs what it is
 * about to delete. Whoever extends the life of something old does so before reading it here. So either gc sees what was extended, or
 * the other sees that gc is at it, and waits until that batch is over and shows what is left.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { Conflict } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import { digestSchema } from '../records.ts';
import type { Etag, ObjectStore } from '../types.ts';
import { readVersioned, type Versioned, type WriteCondition, writeVersioned } from '../versioned.ts';

export const SWEEP_KEY = 'gc/sweep.json';

const sweepSchema = z.strictObject({
  v: z.literal(1),
  holder: z.string(),
  batch: z.int(),
  /** Nothing is deleted after that. */
  expires_at: z.iso.datetime(),
  links: z.array(digestSchema),
});
type Sweep = z.infer<typeof sweepSchema>;

/** A batch that is not over by then is nobody's any more. */
const BATCH_TTL_MS = 60_000;
/** Of the time to live, so that a delete under way and a clock that is a little off do no harm. */
const DELETING_SHARE = 1 / 3;
const POLL_MS = 50;

export interface SweepLock {
  /**
   * Announces the next batch; what others relied on before is visible from then on.
   * @returns When the last delete of the batch may begin: milliseconds since the epoch.
   * @throws Conflict when another gc took over.
   */
  announce(): Promise<number>;
  /** Lets those who wait go on. */
  release(): Promise<void>;
}

/** @throws Conflict when another gc deletes just now. */
export async function acquireSweep(store: ObjectStore, now: Clock['now']): Promise<SweepLock> {
  const holder = randomUUID();
  let batch = 0;
  let etag: Etag;

  async function write(expiresAt: number, condition: WriteCondition): Promise<Etag> {
    const document: Sweep = { v: 1, holder, batch, expires_at: new Date(expiresAt).toISOString(), links: [] };
    const written = await writeVersioned(store, SWEEP_KEY, document, condition);
    if (written !== undefined) return written;
    throw new Conflict('another gc deletes at the same time', {
      hint: 'let it end, then call again',
      retryAfterSeconds: 60,
    });
  }

  const before = await readVersioned(store, SWEEP_KEY, sweepSchema);
  if (before && !isOver(before, now())) {
    throw new Conflict(`another gc deletes just now, until ${before.value.expires_at} at least`, {
      hint: 'let it end, then call again',
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
 * To be called when the life of something old was extended, before it is relied on.
 * @returns Whether a batch was under way, and is over now: what was extended may have been deleted all the same.
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
