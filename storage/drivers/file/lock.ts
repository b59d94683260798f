/**
 * @file A lock between processes on one folder. It is a symbolic link that points to a description of its holder: made in one
 * step with its content, and it fails when it exists. The lock of a dead process is broken, of a live one never.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { lstat, readdir, readlink, symlink, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Conflict } from '../../../errors.ts';
import { type Clock, SYSTEM_CLOCK } from '../../clock.ts';
import { codeOf } from './disk.ts';

/** A lock is held for a few milliseconds; whoever waits longer gives up. */
const WAIT_MS = 30_000;
/** After this the lock of a process that cannot be looked up (another host or container, an earlier boot) counts as left behind. */
const UNKNOWN_HOLDER_MS = 10_000;
const MAX_PAUSE_MS = 20;

const holderSchema = z.object({
  pid: z.int(),
  /** When the process started, so that a reused pid is not taken for it; empty where the system does not tell. */
  start: z.string(),
  /** Which boot of which machine, and which pid namespace (container): pids mean something only within both. */
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

/** One at a time per key within this process, in the order of the calls. */
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

/** Runs `work` while no other process runs work under the same path. @throws Conflict when the lock cannot be had in 30 s. */
export async function withFileLock<T>(path: string, work: () => Promise<T>, clock: Clock = SYSTEM_CLOCK): Promise<T> {
  const mine = JSON.stringify({ ...SELF, nonce: randomUUID() });
  await acquire(path, mine, clock);
  try {
    return await work();
  } finally {
    // A lock that was taken from us as left behind is another's now.
    if ((await readHolder(path)) === mine) await unlink(path);
  }
}

/** Removes the locks in a folder whose processes are dead. They would stop nobody, but nobody else removes those of keys that are never written again. */
export async function breakDeadLocks(folder: string, clock: Clock): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    const holder = await readHolder(path);
    if (holder !== undefined && (await isLeftBehind(path, holder, clock))) await breakLock(path, holder, clock);
  }
}

async function acquire(path: string, mine: string, clock: Clock): Promise<void> {
  // By a clock that does not jump, as the times of files do with the system's.
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
      throw new Conflict(`the lock ${path} is held by ${holder}`, { hint: 'retry; if that process hangs, end it' });
    }
    await clock.sleep(pause * (0.5 + Math.random()));
  }
}

/**
 * Only who holds the lock named by this very stale lock may remove it, so two processes that both found it stale cannot
 * remove a fresh one in between.
 */
async function breakLock(path: string, stale: string, clock: Clock): Promise<void> {
  const nonce = parseHolder(stale)?.nonce ?? 'unreadable';
  const unlinkStale = async () => {
    if ((await readHolder(path)) === stale) await unlink(path);
  };
  await withFileLock(`${path}.${nonce.slice(0, 8)}`, unlinkStale, clock);
}

/** @param watchedMs How long it was seen unchanged. */
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
