/**
 * @file Media types that the key's suffix does not tell, one symbolic link each: a link is made with its content in one step. They are
 * not synced: a crash of the machine may lose the newest, and the object is then served as application/octet-stream.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readlink, rename, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf, hexOf } from '../digest.ts';
import { mediaTypeOfKey } from '../media-type.ts';
import { codeOf } from './file-disk.ts';

export class MediaTypes {
  readonly #folder: string;
  readonly #temporary: string;

  /** @param temporary The folder of files that belong to nobody when they are old. */
  constructor(folder: string, temporary: string) {
    this.#folder = folder;
    this.#temporary = temporary;
  }

  async read(key: string): Promise<string> {
    try {
      return await readlink(this.#pathOf(key));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return mediaTypeOfKey(key);
      throw error;
    }
  }

  /** Called before the object is published, so that nobody sees it without its type. */
  async write(key: string, mediaType: string): Promise<void> {
    if (mediaType === mediaTypeOfKey(key)) return this.remove(key);
    const path = this.#pathOf(key);
    const temporary = join(this.#temporary, randomUUID());
    await mkdir(dirname(path), { recursive: true });
    await symlink(mediaType, temporary);
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
