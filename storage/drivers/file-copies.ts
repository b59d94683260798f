/**
 * @file Versions of copied blobs. A copy is a hard link, and the blob's key tells the sha256 of its bytes: so a listing of a folder of
 * copies need not read gigabytes. One symbolic link each says which file that was; it is not synced, and without it the file is hashed.
 */
import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, readlink, rename, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf, hexOf } from '../digest.ts';
import type { Etag } from '../types.ts';
import { codeOf } from './file-disk.ts';

export class CopiedEtags {
  readonly #folder: string;
  readonly #temporary: string;

  /** @param temporary The folder of files that belong to nobody when they are old. */
  constructor(folder: string, temporary: string) {
    this.#folder = folder;
    this.#temporary = temporary;
  }

  /** Undefined when the file under the key is not the one that was copied there, or shares its bytes with nobody any more. */
  async read(key: string, stats: BigIntStats): Promise<Etag | undefined> {
    if (stats.nlink < 2n) return undefined;
    try {
      const [etag, identity] = (await readlink(this.#pathOf(key))).split(' ');
      return identity === identityOf(stats) ? (etag as Etag) : undefined;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** @param file What is about to be published under the key. */
  async write(key: string, etag: Etag, file: string): Promise<void> {
    const path = this.#pathOf(key);
    const temporary = join(this.#temporary, randomUUID());
    const identity = identityOf(await lstat(file, { bigint: true }));
    await mkdir(dirname(path), { recursive: true });
    await symlink(`${etag} ${identity}`, temporary);
    await rename(temporary, path);
  }

  async remove(key: string): Promise<void> {
    await unlink(this.#pathOf(key)).catch(error => {
      if (codeOf(error) !== 'ENOENT') throw error;
    });
  }

  #pathOf(key: string): string {
    const hex = hexOf(digestOf(key));
    return join(this.#folder, hex.slice(0, 2), hex.slice(2));
  }
}

/** Published files are never written, so a file that is another differs in one of these. */
function identityOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}`;
}
