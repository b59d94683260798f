/**
 * @file Locks on the keys of a folder store: within this process (KeyMutex) and between processes (withFileLock). A
 * lock between processes is a symbolic link whose target describes the holder: one system call makes it with its
 * content, and fails if it exists. The lock of a dead process is broken; the lock of a live process never is.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir, readlink, symlink, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { Conflict } from '../../../errors.ts';
import { type Clock, SYSTEM_CLOCK } from '../../clock.ts';
import { codeOf } from './failures.ts';

/** A lock is held for a few milliseconds; a process that waits longer than this gives up. */
const WAIT_MS = 30_000;
/**
 * After this time, the lock of a process that cannot be looked up (another host or container, an earlier boot) counts
 * as left behind.
 */
const UNKNOWN_HOLDER_MS = 10_000;
const MAX_PAUSE_MS = 20;

const holderSchema = z.object({
  pid: z.int(),
  /** Start time of the process, to detect a reused pid; empty if the system does not tell. */
  start: z.string(),
  /** Boot of the machine, and pid namespace (container): pids are only valid within both. */
  boot: z.string(),
  namespace: z.string(),
  nonce: z.string(),
});
type Holder = z.infer<typeof holderSchema>;

const SELF: Omit<Holder, 'nonce'> = {
  pid: process.pid,
  start: readStart(process.pid) ?? '',
  boot: tryRead(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? '',
  namespace: tryRead(() => readlinkSync('/proc/self/ns/pid')) ?? '',
};

/** Runs work on one key one at a time within this process, in the order of the calls. */
export class KeyMutex {
  readonly #tails = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const mine = before ? before.then(work, work) : work();
    this.#tails.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(key) === mine) this.#tails.delete(key);
    }
  }
}

/**
 * Runs `work` while no other process runs work under the same path. @throws Conflict when the lock is not free within
 * 30 s.
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, clock: Clock = SYSTEM_CLOCK): Promise<T> {
  const mine = JSON.stringify({ ...SELF, nonce: randomUUID() });
  await acquire(path, mine, clock);
  try {
    return await work();
  } finally {
    // Another process may have broken this lock as left behind and taken it.
    if ((await readHolder(path)) === mine) await unlink(path);
  }
}

/**
 * Removes the locks of dead processes. They stop no one, but locks of keys that are never written again would stay for
 * ever.
 */
export async function breakDeadLocks(folder: string, clock: Clock): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const holder = await readHolder(path);
    if (holder !== undefined && (await isLeftBehind(path, holder, clock))) await breakLock(path, holder, clock);
  }
}

async function acquire(path: string, mine: string, clock: Clock): Promise<void> {
  // The monotonic clock: file times follow the system's clock, which may jump.
  const deadline = clock.monotonic() + WAIT_MS;
  let watched: { readonly holder: string; readonly since: number } | undefined;
  for (let pause = 1; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
    try {
      await symlink(mine, path);
      return;
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
    const holder = await readHolder(path);
    if (holder !== undefined && holder !== watched?.holder) watched = { holder, since: clock.monotonic() };
    const watchedMs = watched === undefined ? 0 : clock.monotonic() - watched.since;
    if (holder !== undefined && (await isLeftBehind(path, holder, clock, watchedMs))) {
      await breakLock(path, holder, clock);
      continue;
    }
    if (clock.monotonic() > deadline) {
      throw new Conflict(`the lock ${basename(path)} is held by ${holder}`, {
        hint: 'retry; if that process hangs, end it',
      });
    }
    await clock.sleep(pause * (0.5 + Math.random()));
  }
}

/**
 * Removes a stale lock, under a second lock that is named after it. So two processes that both found it stale cannot
 * remove a fresh lock of a third process in between.
 */
async function breakLock(path: string, stale: string, clock: Clock): Promise<void> {
  const nonce = parseHolder(stale)?.nonce ?? 'unreadable';
  const unlinkStale = async () => {
    if ((await readHolder(path)) === stale) await unlink(path);
  };
  await withFileLock(`${path}.${nonce.slice(0, 8)}`, unlinkStale, clock);
}

/** @param watchedMs Milliseconds for which the lock was seen unchanged. */
async function isLeftBehind(path: string, text: string, clock: Clock, watchedMs = 0): Promise<boolean> {
  const holder = parseHolder(text);
  if (holder && holder.boot === SELF.boot && holder.namespace === SELF.namespace) return !isAlive(holder);
  if (watchedMs > UNKNOWN_HOLDER_MS) return true;
  const info = await lstat(path).catch(() => undefined);
  return info !== undefined && clock.now() - info.mtimeMs > UNKNOWN_HOLDER_MS;
}

function isAlive({ pid, start }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
  const now = readStart(pid);
  return now === undefined || start === '' || now === start;
}

/** Field 22 of /proc/<pid>/stat, counted after the command's closing parenthesis (proc(5)). */
function readStart(pid: number): string | undefined {
  const stat = tryRead(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

async function readHolder(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  return holderSchema.safeParse(tryRead(() => JSON.parse(text))).data;
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
