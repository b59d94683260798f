/**
 * @file Notes on keys: media types and the versions of copied blobs, which the file system cannot hold. A note is one
 * line, stored as the target of a symbolic link, since a link is made with its content in one step. Notes are not
 * synced: a crash of the machine may lose the newest.
 */
import { randomUUID } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, readlink, rename, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeWithParents } from '../../../configs/make-folders.ts';
import { digestOf, hexOf } from '../../digest.ts';
import { mediaTypeOfKey } from '../../media-type.ts';
import type { Etag } from '../../types.ts';
import { codeOf } from './failures.ts';

/** One line for each key, in a folder of its own. */
export class KeyNotes {
  readonly #folder: string;
  readonly #temporary: string;

  /** @param temporary The folder of temporary files; old ones are deleted when the store is opened. */
  constructor(folder: string, temporary: string) {
    this.#folder = folder;
    this.#temporary = temporary;
  }

  async read(key: string): Promise<string | undefined> {
    try {
      return await readlink(this.#pathOf(key));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async write(key: string, note: string): Promise<void> {
    const path = this.#pathOf(key);
    const temporary = join(this.#temporary, randomUUID());
    await makeWithParents(dirname(path));
    await symlink(note, temporary);
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

/** Media types that the key's suffix does not tell. An object that lost its note is served as its suffix says. */
export class MediaTypes {
  readonly #notes: KeyNotes;

  constructor(notes: KeyNotes) {
    this.#notes = notes;
  }

  async read(key: string): Promise<string> {
    return (await this.#notes.read(key)) ?? mediaTypeOfKey(key);
  }

  /** Call it before the object is published, so that no reader sees the object without its type. */
  async write(key: string, mediaType: string): Promise<void> {
    await (mediaType === mediaTypeOfKey(key) ? this.#notes.remove(key) : this.#notes.write(key, mediaType));
  }

  remove(key: string): Promise<void> {
    return this.#notes.remove(key);
  }
}

/**
 * Versions of copied blobs. A copy is a hard link, and the blob's key tells the sha256 of its bytes, so listing a
 * folder of copies reads no file. The note also identifies the file that was copied; a file without such a note is
 * hashed.
 */
export class CopiedEtags {
  readonly #notes: KeyNotes;

  constructor(notes: KeyNotes) {
    this.#notes = notes;
  }

  /** Undefined when the file is not the one that was copied to the key, or is the only link to its bytes. */
  async read(key: string, stats: BigIntStats): Promise<Etag | undefined> {
    if (stats.nlink < 2n) return undefined;
    const [etag, identity] = (await this.#notes.read(key))?.split(' ') ?? [];
    return identity === identityOf(stats) ? (etag as Etag) : undefined;
  }

  /** @param file The file that will be published under the key. */
  async write(key: string, etag: Etag, file: string): Promise<void> {
    await this.#notes.write(key, `${etag} ${identityOf(await lstat(file, { bigint: true }))}`);
  }

  remove(key: string): Promise<void> {
    return this.#notes.remove(key);
  }
}

/** Published files are never written, so another file differs in one of these values. */
function identityOf({ ino, size, mtimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}`;
}
