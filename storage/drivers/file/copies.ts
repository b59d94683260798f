/**
 * @file Versions of copied blobs. A copy is a hard link, and the blob's key tells the sha256 of its bytes: so a listing of a folder of
 * copies need not read gigabytes. A note says which file that was; without it the file is hashed.
 */
import type { BigIntStats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { Etag } from '../../types.ts';
import type { KeyNotes } from './notes.ts';

export class CopiedEtags {
  readonly #notes: KeyNotes;

  constructor(notes: KeyNotes) {
    this.#notes = notes;
  }

  /** Undefined when the file under the key is not the one that was copied there, or shares its bytes with nobody any more. */
  async read(key: string, stats: BigIntStats): Promise<Etag | undefined> {
    if (stats.nlink < 2n) return undefined;
    const [etag, identity] = (await this.#notes.read(key))?.split(' ') ?? [];
    return identity === identityOf(stats) ? (etag as Etag) : undefined;
  }

  /** @param file What is about to be published under the key. */
  async write(key: string, etag: Etag, file: string): Promise<void> {
    await this.#notes.write(key, `${etag} ${identityOf(await lstat(file, { bigint: true }))}`);
  }

  remove(key: string): Promise<void> {
    return this.#notes.remove(key);
  }
}

/** Published files are never written, so a file that is another differs in one of these. */
function identityOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}`;
}
