/** @file The steps that make a file durable: written and synced under a temporary name, published in one step, its folder synced. */
import { randomUUID } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { copyFile, type FileHandle, link, lstat, mkdir, open, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import PQueue from 'p-queue';
import { Ambiguous, Conflict, InvalidInput, StoreDenied, StoreFull, Unreachable } from '../../../errors.ts';
import { isFileBody, spoolTo } from '../../spool.ts';
import type { FileBody, SpooledBody } from '../../types.ts';

/** Temporary files older than this belong to nobody. */
const SWEEP_AGE_MS = 3_600_000;
/** Files open at a time in one store. */
const MAX_OPEN_FILES = 64;
/** Another process may remove an empty folder just before we publish into it. */
const PUBLISH_ATTEMPTS = 10;
/** Every object is replaced, never written in place. */
const OBJECT_MODE = 0o444;
/** What a full disk asks of callers who retry by themselves. */
const FULL_RETRY_SECONDS = 60;
/** A disk or a network file system that fails: what was under way may or may not have happened. */
const FAILING = new Set(['EIO', 'ESTALE', 'ETIMEDOUT', 'ENODEV']);

/** Makes a folder and its missing parents, durably. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true }).catch(error => {
    throw explain(error, path);
  });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncOneFolder(dirname(made));
}

export class Disk {
  readonly #root: string;
  readonly #temporary: string;
  readonly #files = new PQueue({ concurrency: MAX_OPEN_FILES });
  /** Folders whose entry in their parent is known to be durable, by identity: a folder made anew under the old path is another. */
  readonly #durableFolders = new Map<string, string>();

  constructor(root: string, temporary: string) {
    this.#root = root;
    this.#temporary = temporary;
  }

  /** What the file system says of a regular file, without opening it; undefined when there is none. */
  async findFile(path: string): Promise<BigIntStats | undefined> {
    try {
      const stats = await lstat(path, { bigint: true });
      return stats.isFile() ? stats : undefined;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw explain(error, path);
    }
  }

  /** Runs `read` on the open file; undefined when there is no such regular file. */
  async withFile<T>(path: string, read: (file: FileHandle, stats: BigIntStats) => Promise<T>): Promise<T | undefined> {
    return this.#files.add(async () => {
      const file = await openExisting(path);
      if (!file) return undefined;
      try {
        const stats = await file.stat({ bigint: true });
        return stats.isFile() ? await read(file, stats) : undefined;
      } catch (error) {
        throw explain(error, path);
      } finally {
        await file.close();
      }
    });
  }

  /** Writes and syncs a temporary file, hands its path to `publish`, and removes whatever is left of it. */
  async withTemporary<T>(body: Uint8Array | FileBody, publish: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.#temporary, randomUUID());
    try {
      await this.#files.add(() => (isFileBody(body) ? this.#adopt(body.path, path) : writeNew(path, body)));
      return await publish(path);
    } catch (error) {
      throw explain(error, path);
    } finally {
      await unlinkIfThere(path);
    }
  }

  /** A stream as a file that {@link withTemporary} takes over. */
  async spool(chunks: AsyncIterable<Uint8Array>): Promise<SpooledBody> {
    try {
      return await spoolTo(this.#temporary, chunks);
    } catch (error) {
      throw explain(error, this.#temporary);
    }
  }

  /** A second name of a published file, as a temporary file; false when there is no such file. */
  async linkTemporary<T>(source: string, publish: (path: string) => Promise<T>): Promise<T | undefined> {
    const path = join(this.#temporary, randomUUID());
    try {
      await link(source, path);
      return await publish(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw explain(error, source);
    } finally {
      await unlinkIfThere(path);
    }
  }

  /** Durable and visible in one step; false when the target exists. */
  async publishNew(temporary: string, target: string): Promise<boolean> {
    const made = await this.#publish(target, async () => {
      try {
        await link(temporary, target);
        return true;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
        if ((await lstat(target)).isDirectory()) throw folderInTheWay(target);
        return false;
      }
    });
    if (made) await this.#syncPublished(target);
    return made;
  }

  /** The same, over whatever is there. */
  async publishOver(temporary: string, target: string): Promise<void> {
    await this.#publish(target, () => rename(temporary, target));
    await this.#syncPublished(target);
  }

  /** Removes a file durably, and the folders that it leaves empty. */
  async remove(target: string): Promise<void> {
    if (!(await unlinkIfThere(target))) return;
    await this.#files.add(() => this.#syncRemoved(dirname(target)));
    for (let folder = dirname(target); folder !== this.#root; folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch {
        return;
      }
    }
  }

  /** What cannot be removed stays: a folder that may only be read is a store that can be read. */
  async sweepTemporary(now: number): Promise<void> {
    for (const name of await readdir(this.#temporary)) {
      const path = join(this.#temporary, name);
      const info = await lstat(path).catch(() => undefined);
      if (info && now - info.mtimeMs > SWEEP_AGE_MS) await unlinkIfThere(path).catch(() => {});
    }
  }

  async waitForIdle(): Promise<void> {
    await this.#files.onIdle();
  }

  /** A file that was spooled here is synced and becomes the object by a link; another one is copied. */
  async #adopt(source: string, path: string): Promise<void> {
    if (dirname(source) === this.#temporary) return link(source, path);
    await copyFile(source, path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    const file = await open(path, 'r');
    try {
      await file.chmod(OBJECT_MODE);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  async #publish<T>(target: string, step: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await step();
      } catch (error) {
        if (FAILING.has(codeOf(error) ?? '')) {
          throw new Ambiguous(`publishing "${target}" failed`, { cause: error, hint: 'read it back' });
        }
        if (codeOf(error) !== 'ENOENT' || attempt === PUBLISH_ATTEMPTS) throw explain(error, target);
        await mkdir(dirname(target), { recursive: true }).catch(cause => {
          throw explain(cause, target);
        });
      }
    }
  }

  async #syncPublished(target: string): Promise<void> {
    try {
      await this.#files.add(() => this.#syncFolder(dirname(target)));
    } catch (cause) {
      // A folder that is gone again was emptied by a later delete of this very file.
      if (codeOf(cause) === 'ENOENT') return;
      throw new Ambiguous(`"${target}" was written, but syncing its folder failed`, { cause, hint: 'read it back' });
    }
  }

  /** Another's removal may have taken the folder along: its parent then tells of both. */
  async #syncRemoved(folder: string): Promise<void> {
    try {
      await this.#syncFolder(folder);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || folder === this.#root) throw error;
      await this.#syncRemoved(dirname(folder));
    }
  }

  /** Makes the entries of a folder durable, and once for each folder its own entry in its parent. */
  async #syncFolder(folder: string): Promise<void> {
    const identity = await syncOneFolder(folder);
    if (folder === this.#root || this.#durableFolders.get(folder) === identity) return;
    await this.#syncFolder(dirname(folder));
    // Only now: until the parent is synced nobody may rely on it.
    this.#durableFolders.set(folder, identity);
  }
}

async function writeNew(path: string, body: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', OBJECT_MODE);
  try {
    await file.writeFile(body);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** @returns What tells the folder from another that is made under its path later. */
async function syncOneFolder(folder: string): Promise<string> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
    const { ino, birthtimeNs } = await handle.stat({ bigint: true });
    return `${ino}:${birthtimeNs}`;
  } finally {
    await handle.close();
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'].includes(codeOf(error) ?? '')) return undefined;
    throw explain(error, path);
  }
}

async function unlinkIfThere(path: string): Promise<boolean> {
  try {
    await unlink(path);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(codeOf(error) ?? '')) return false;
    // macOS says so of a folder, which is no object.
    if (codeOf(error) === 'EPERM' && (await lstat(path)).isDirectory()) return false;
    throw explain(error, path);
  }
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function folderInTheWay(path: string): InvalidInput {
  return new InvalidInput(`"${path}" is a folder, or lies below a file`, {
    expected: 'no key to be the beginning of another up to a "/"',
    hint: 'choose another name, or delete what is there; on a file system a name is a file or a folder',
  });
}

/** What a failed step before publication means; it changed nothing. */
export function explain(error: unknown, path: string): unknown {
  const code = codeOf(error) ?? '';
  if (FAILING.has(code)) {
    return new Unreachable(`the disk of the store fails at "${path}" (${code})`, {
      cause: error,
      hint: "look at the system's log; the same call goes on when the disk answers again",
    });
  }
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new StoreFull('the disk of the store is full', {
        cause: error,
        hint: 'free some space (by gc, or beside the store), then send the same call again: it goes on',
        retryAfterSeconds: FULL_RETRY_SECONDS,
      });
    case 'EROFS':
      return new StoreDenied(`"${path}" is on a file system that may only be read`, {
        cause: error,
        expected: 'a store that may be written',
        hint: 'mount it for writing; a disk that fails is often made read-only by the system, whose log says so',
      });
    case 'EACCES':
    case 'EPERM':
      return new StoreDenied(`"${path}" cannot be accessed (${code})`, {
        cause: error,
        expected: 'a store whose files belong to the user that runs Easel',
        hint: "check the store's owner and mode",
      });
    case 'EMFILE':
    case 'ENFILE':
      return new Conflict('too many files are open', { cause: error, hint: 'retry, or raise "ulimit -n"' });
    case 'EISDIR':
    case 'ENOTDIR':
    case 'EEXIST':
    case 'ENOTEMPTY':
      return folderInTheWay(path);
    case 'ENOENT':
      return new Conflict(`"${path}" vanished while it was written`, { cause: error, hint: 'retry' });
    default:
      return error;
  }
}
