/**
 * @file Leases: which process trains an experiment now. A lease only prevents double work. Correctness rests on
 * create-only results and compare-and-swap heads: a holder that wakes up after its lease has expired loses there.
 */
import { z } from 'zod';
import { AppError, Conflict } from '../../errors.ts';
import type { Clock } from '../clock.ts';
import type { ObjectStore } from '../types.ts';
import { refKey } from './refs.ts';
import { readVersioned, type Versioned, writeVersioned } from './versioned.ts';

export const leaseSchema = z.strictObject({ v: z.literal(1), holder: z.string(), expires_at: z.iso.datetime() });
type LeaseDocument = z.infer<typeof leaseSchema>;

export const LEASE_TTL_MS = 30_000;
/** A lease is renewed after this share of its time to live, so two renewals in a row may fail. */
const RENEWAL_SHARE = 1 / 3;
/** Lost races after which an acquisition gives up. */
const MAX_ROUNDS = 8;

/** How long a lease lasts, and the clock that tells. */
export interface LeaseTerms {
  readonly clock: Clock;
  /** Milliseconds; default {@link LEASE_TTL_MS}. */
  readonly ttlMs?: number;
}

export interface LeaseOptions extends LeaseTerms {
  /** Unique to this process and this work. The holder of a lease can acquire it again. */
  readonly holder: string;
}

export interface Lease {
  readonly experiment: string;
  readonly holder: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** @throws Conflict when another process holds it. */
  renew(): Promise<Lease>;
  /** Frees the lease at once. Does nothing when another process holds it. */
  release(): Promise<void>;
}

/** @throws Conflict naming the holder and the expiry when another process holds the lease. */
export async function acquireLease(store: ObjectStore, experiment: string, options: LeaseOptions): Promise<Lease> {
  const { holder, clock, ttlMs = LEASE_TTL_MS } = options;
  const key = leaseKey(experiment);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const current = await readVersioned(store, key, leaseSchema);
    const now = clock.now();
    if (current && current.value.holder !== holder && Date.parse(current.value.expires_at) > now) {
      throw held(experiment, current.value, now);
    }
    const expiresAt = now + ttlMs;
    const condition = current ? { ifMatch: current.etag } : ({ ifNoneMatch: '*' } as const);
    const etag = await writeVersioned(store, key, makeDocument(holder, expiresAt), condition);
    if (etag !== undefined) return { experiment, holder, expiresAt, renew, release };
  }
  throw new Conflict(`many processes want the lease of "${experiment}"`, { retryAfterSeconds: 1, hint: 'retry' });

  function renew(): Promise<Lease> {
    return acquireLease(store, experiment, options);
  }

  async function release(): Promise<void> {
    const current = await readVersioned(store, key, leaseSchema);
    if (current?.value.holder !== holder) return;
    // An expired document instead of a delete, since deletes have no conditions. A lost race means that another holds
    // the lease.
    await writeVersioned(store, key, makeDocument(holder, clock.now()), { ifMatch: current.etag });
  }
}

/** The holder at `now`; undefined when the lease is free. */
export async function readLease(
  store: ObjectStore,
  experiment: string,
  now: number,
): Promise<{ readonly holder: string; readonly expiresAt: number } | undefined> {
  const current: Versioned<LeaseDocument> | undefined = await readVersioned(store, leaseKey(experiment), leaseSchema);
  if (!current) return undefined;
  const expiresAt = Date.parse(current.value.expires_at);
  return expiresAt > now ? { holder: current.value.holder, expiresAt } : undefined;
}

/**
 * Runs `work` under the lease and renews it. The signal given to `work` aborts when `signal` aborts, or when the lease
 * is lost: then its reason is the Conflict, or the error that prevented renewals until the lease expired. While the
 * store is unreachable the work goes on, even past the expiry: if another process took the lease, the next renewal that
 * reaches the store finds out.
 * @throws Conflict when another process holds the lease.
 */
export async function withLease<T>(
  store: ObjectStore,
  experiment: string,
  options: LeaseOptions & { readonly signal: AbortSignal },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { clock, ttlMs = LEASE_TTL_MS } = options;
  let lease = await acquireLease(store, experiment, options);
  const lost = new AbortController();
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, lost.signal]);

  const keep = async () => {
    while (!ended.signal.aborted) {
      await clock.sleep(ttlMs * RENEWAL_SHARE, ended.signal).catch(() => {});
      if (ended.signal.aborted) return;
      try {
        lease = await lease.renew();
      } catch (error) {
        const isAway = error instanceof AppError && error.retryable;
        if (!(error instanceof Conflict) && (isAway || clock.now() < lease.expiresAt)) continue;
        lost.abort(error);
        return;
      }
    }
  };
  const keeping = keep();
  try {
    return await work(signal);
  } finally {
    ended.abort();
    await keeping;
    // A lease that cannot be released expires by itself; that must not fail work that is done.
    await lease.release().catch(() => {});
  }
}

function leaseKey(experiment: string): string {
  return refKey('experiments', experiment).replace(/^refs/, 'leases');
}

function makeDocument(holder: string, expiresAt: number): LeaseDocument {
  return { v: 1, holder, expires_at: new Date(expiresAt).toISOString() };
}

function held(experiment: string, { holder, expires_at }: LeaseDocument, now: number): Conflict {
  const seconds = Math.max(1, Math.ceil((Date.parse(expires_at) - now) / 1000));
  return new Conflict(`"${experiment}" is driven by ${holder} until ${expires_at}`, {
    details: { holder, expires_at },
    retryAfterSeconds: seconds,
    hint: 'watch its run; if that process has died, retry after that time',
  });
}
