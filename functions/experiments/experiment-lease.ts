/** @file One driver per experiment: whoever finds another at work watches it, and takes over when it is gone. */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { Conflict } from '../../errors.ts';
import {
  acquireLease,
  LEASE_TTL_MS,
  type LeaseOptions,
  type LeaseTerms,
  readLease,
  withLease,
} from '../../storage/names/lease.ts';
import type { ObjectStore } from '../../storage/types.ts';

/** Between two looks at an experiment that somebody else drives. */
const WATCH_INTERVAL_MS = 1000;

/** Pids mean something only within one boot and one pid namespace. */
const PLACE = [
  hostname(),
  tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 8)),
  tryRead(() => readlinkSync('/proc/self/ns/pid').replaceAll(/\D/g, '')),
].join(' ');

export interface HoldOptions {
  readonly store: ObjectStore;
  readonly signal: AbortSignal;
  readonly terms: LeaseTerms;
  /** Called about once per second while another holds the lease; true: there is nothing left to do. */
  watch(holder: string): Promise<boolean>;
}

/**
 * Runs `work` under the lease of the experiment. While another process holds the lease, watches it. A holder that died
 * on this machine is replaced at once. Another holder is replaced when its lease has expired, or was not renewed for
 * the time that it lasts: the clocks of two hosts may differ.
 * @param work Gets a signal that aborts when the lease is lost or the call is cancelled, and the holder that the lease
 * names.
 * @throws Conflict if the lease is lost on the way.
 */
export async function holdExperiment(
  options: HoldOptions,
  name: string,
  work: (signal: AbortSignal, holder: string) => Promise<void>,
): Promise<void> {
  const { store, signal, terms } = options;
  const { clock, ttlMs = LEASE_TTL_MS } = terms;
  const holder = `pid ${process.pid} of ${PLACE} (${randomUUID().slice(0, 8)})`;
  let seen = '';
  let silentMs = 0;
  for (;;) {
    let held: AbortSignal | undefined;
    try {
      return await withLease(store, name, { ...terms, holder, signal }, async given => {
        held = given;
        await work(given, holder);
      });
    } catch (error) {
      if (held?.aborted && !signal.aborted) throw held.reason;
      if (held || !(error instanceof Conflict)) throw error;
    }
    const other = await readLease(store, name, clock.now());
    const said = JSON.stringify(other);
    // Counted in pauses of our own, since a clock may jump.
    silentMs = said === seen ? silentMs + WATCH_INTERVAL_MS : 0;
    seen = said;
    if (other && (isDead(other.holder) || silentMs >= ttlMs)) {
      await freeLease(store, name, { ...terms, holder: other.holder });
      continue;
    }
    if (other && (await options.watch(other.holder))) return;
    await clock.sleep(WATCH_INTERVAL_MS, signal);
  }
}

/** Frees the lease of a holder that is gone. The next round decides who of those waiting comes first. */
async function freeLease(store: ObjectStore, name: string, gone: LeaseOptions): Promise<void> {
  try {
    // In its name: nobody else can.
    await (await acquireLease(store, name, gone)).release();
  } catch (error) {
    // Another who waited freed it, and has taken it by now.
    if (!(error instanceof Conflict)) throw error;
  }
}

/** True only when it is certain: a process of this machine that no longer exists. */
function isDead(holder: string): boolean {
  const [, pid, place] = /^pid (\d+) of (.*) \([0-9a-f]{8}\)$/.exec(holder) ?? [];
  if (pid === undefined || place !== PLACE) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

function tryRead(read: () => string): string {
  try {
    return read();
  } catch {
    return '?';
  }
}
