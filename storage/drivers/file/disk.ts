/**
 * @file Durable files: a file is written and synced under a temporary name, published in one step, and its folder is
 * synced.
 */
import { randomUUID } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { copyFile, link, lstat, open, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import PQueue from 'p-queue';
import { makeFolders, makeWithParents } from '../../../configs/make-folders.ts';
import { Ambiguous } from '../../../errors.ts';
import type { FileBody, SpooledBody } from '../../types.ts';
import { isFileBody, spoolTo } from '../spool.ts';
import { codeOf, explain, isFailing, isInTheWay, keyOf, refuseKey } from './failures.ts';
import type { OpenFile, WithFile } from './open-file.ts';
import { walkKeys } from './walk.ts';

/** Older temporary files belong to a process that died. */
const SWEEP_AGE_MS = 3_600_000;
/** Files open at a time in one store. */
const MAX_OPEN_FILES = 64;
/** Attempts to publish: another process may remove the empty folder just before. */
const PUBLISH_ATTEMPTS = 10;
/** Read-only: objects are replaced, never written in place. */
const OBJECT_MODE = 0o444;

/** Makes a folder and its missing parents, durably. */
export async function makeFolder(path: string): Promise<void> {
  const first = await makeFolders(path).catch(error => {
    throw isNoFolder(error.cause) ? error : explain(error.cause, path);
  });
  if (first === undefined) return;
  for (let made = path; made.length >= first.length; made = dirname(made)) await syncOneFolder(dirname(made));
}

/** The path is no place for folders. */
function isNoFolder(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || isInTheWay(error);
}

export class Disk {
  readonly #root: string;
  readonly #temporary: string;
  readonly #withFile: WithFile;
  readonly #files = new PQueue({ concurrency: MAX_OPEN_FILES });
  /**
   * Folders whose entry in the parent is durable, with their identity: a new folder under the old path has another
   * identity.
   */
  readonly #durableFolders = new Map<string, string>();

  constructor(root: string, temporary: string, withFile: WithFile) {
    this.#root = root;
    this.#temporary = temporary;
    this.#withFile = withFile;
  }

  /** Stats of a regular file, without opening it; undefined when no such file exists. */
  async findFile(path: string): Promise<BigIntStats | undefined> {
    try {
      const stats = await lstat(path, { bigint: true });
      return stats.isFile() ? stats : undefined;
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw await this.#explain(error, path);
    }
  }

  /** Runs `read` on the open file; undefined when no such regular file exists. */
  async withFile<T>(path: string, read: (file: OpenFile, stats: BigIntStats) => Promise<T>): Promise<T | undefined> {
    return this.#files.add(async () => {
      try {
        return await this.#withFile(path, read);
      } catch (error) {
        throw await this.#explain(error, path);
      }
    });
  }

  /** Writes and syncs a temporary file, passes its path to `publish`, and removes the temporary name. */
  async withTemporary<T>(body: Uint8Array | FileBody, publish: (path: string) => Promise<T>): Promise<T> {
    const path = join(this.#temporary, randomUUID());
    try {
      await this.#files.add(() => (isFileBody(body) ? this.#adopt(body.path, path) : writeNew(path, body)));
      return await publish(path);
    } catch (error) {
      throw await this.#explain(error, path);
    } finally {
      await this.#unlink(path);
    }
  }

  /** Writes a stream to a file that {@link withTemporary} takes over. */
  async spool(chunks: AsyncIterable<Uint8Array>): Promise<SpooledBody> {
    try {
      return await spoolTo(this.#temporary, chunks);
    } catch (error) {
      throw await this.#explain(error, this.#temporary);
    }
  }

  /** Gives a published file a second, temporary name and passes it to `publish`; undefined when no such file exists. */
  async linkTemporary<T>(source: string, publish: (path: string) => Promise<T>): Promise<T | undefined> {
    const path = join(this.#temporary, randomUUID());
    try {
      await link(source, path);
      return await publish(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw await this.#explain(error, source);
    } finally {
      await this.#unlink(path);
    }
  }

  /** Makes a temporary file visible as `target`, durably and in one step; false when the target exists. */
  async publishNew(temporary: string, target: string): Promise<boolean> {
    const made = await this.#publish(target, async () => {
      try {
        await link(temporary, target);
        return true;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
        if ((await lstat(target)).isDirectory()) throw error;
        return false;
      }
    });
    if (made) await this.#syncPublished(target);
    return made;
  }

  /** As {@link publishNew}, but replaces the target. */
  async publishOver(temporary: string, target: string): Promise<void> {
    await this.#publish(target, () => rename(temporary, target));
    await this.#syncPublished(target);
  }

  /** Removes a file durably, and its folders if they are empty then. */
  async remove(target: string): Promise<void> {
    if (!(await this.#unlink(target))) return;
    await this.#files.add(() => this.#syncRemoved(dirname(target)));
    for (let folder = dirname(target); folder !== this.#root; folder = dirname(folder)) {
      try {
        await rmdir(folder);
      } catch {
        return;
      }
    }
  }

  /** Removes old temporary files. Ignores failures: a read-only folder can still be read. */
  async sweepTemporary(now: number): Promise<void> {
    for (const name of await readdir(this.#temporary)) {
      const path = join(this.#temporary, name);
      const info = await lstat(path).catch(() => undefined);
      if (info && now - info.mtimeMs > SWEEP_AGE_MS) await this.#unlink(path).catch(() => {});
    }
  }

  async waitForIdle(): Promise<void> {
    await this.#files.onIdle();
  }

  /** A spooled file is synced already, so it is linked; any other file is copied and synced. */
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
        if (isFailing(error)) {
          const key = keyOf(this.#root, target);
          throw new Ambiguous(`publishing "${key}" failed`, { cause: error, hint: 'read it back' });
        }
        if (codeOf(error) !== 'ENOENT' || attempt === PUBLISH_ATTEMPTS) throw await this.#explain(error, target);
        await makeWithParents(dirname(target)).catch(async cause => {
          throw await this.#explain(cause, target);
        });
      }
    }
  }

  async #syncPublished(target: string): Promise<void> {
    try {
      await this.#files.add(() => this.#syncFolder(dirname(target)));
    } catch (cause) {
      // If the folder is gone, a later delete of this file removed it.
      if (codeOf(cause) === 'ENOENT') return;
      const key = keyOf(this.#root, target);
      throw new Ambiguous(`"${key}" was written, but syncing its folder failed`, { cause, hint: 'read it back' });
    }
  }

  /** @returns Whether there was a file. */
  async #unlink(path: string): Promise<boolean> {
    try {
      await unlink(path);
      return true;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(codeOf(error) ?? '')) return false;
      // The answer of macOS for a folder, which is not an object.
      if (codeOf(error) === 'EPERM' && (await lstat(path)).isDirectory()) return false;
      throw await this.#explain(error, path);
    }
  }

  /** Translates a failure; names the other key if one stands in the way of the path. */
  async #explain(error: unknown, path: string): Promise<unknown> {
    const rival = isInTheWay(error) ? await this.#findRival(path) : undefined;
    return rival ?? explain(error, keyOf(this.#root, path));
  }

  async #findRival(path: string): Promise<Error | undefined> {
    const key = keyOf(this.#root, path);
    for (let above = dirname(path); above.length > this.#root.length; above = dirname(above)) {
      if (!(await this.findFile(above))) continue;
      return refuseKey(`the key "${key}" lies below the key "${keyOf(this.#root, above)}", which is an object`);
    }
    for await (const below of walkKeys(this.#root, `${key}/`, { after: Buffer.alloc(0) })) {
      return refuseKey(`the key "${key}" is a folder of other keys, such as "${below}"`);
    }
    return undefined;
  }

  /** If another removal took the folder, too, syncing the parent makes both durable. */
  async #syncRemoved(folder: string): Promise<void> {
    try {
      await this.#syncFolder(folder);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || folder === this.#root) throw error;
      await this.#syncRemoved(dirname(folder));
    }
  }

  /** Makes the entries of a folder durable, and, once per folder, the folder's own entry in its parent. */
  async #syncFolder(folder: string): Promise<void> {
    const identity = await syncOneFolder(folder);
    if (folder === this.#root || this.#durableFolders.get(folder) === identity) return;
    await this.#syncFolder(dirname(folder));
    // Only now: before the parent is synced the folder is not durable.
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

/** @returns The identity of the folder: a later folder under the same path has another one. */
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
