/**
 * @file One line about a key that the file itself does not tell, as a symbolic link: a link is made with its content in one step. Notes are
 * not synced: a crash of the machine may lose the newest.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readlink, rename, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestOf, hexOf } from '../../digest.ts';
import { codeOf } from './disk.ts';

export class KeyNotes {
  readonly #folder: string;
  readonly #temporary: string;

  /** @param temporary The folder of files that belong to nobody when they are old. */
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
    await mkdir(dirname(path), { recursive: true });
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
