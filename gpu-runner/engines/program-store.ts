/**
 * @file Compiled programs on disk, for later processes: files in a folder, each behind the sha256 of its bytes. A file
 * that is missing or damaged is no error, and neither is a folder that cannot be written.
 */
import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolders } from '../../configs/make-folders.ts';

/** Number of programs kept per kind; the least recently used are deleted. */
const MOST_PROGRAMS = 64;
const DIGEST_BYTES = 32;

export class ProgramStore {
  readonly #folder: string;
  readonly #suffix: string;

  /** @param suffix Ending of the files of one kind, such as ".program". */
  constructor(folder: string, suffix: string) {
    this.#folder = folder;
    this.#suffix = suffix;
  }

  /** The bytes under a key; undefined if there are none, or damaged ones. */
  async read(key: string): Promise<Uint8Array | undefined> {
    const path = this.#pathOf(key);
    const file = await readFile(path).catch(() => undefined);
    if (file === undefined) return undefined;
    const body = file.subarray(DIGEST_BYTES);
    if (!digestOf(body).equals(file.subarray(0, DIGEST_BYTES))) return undefined;
    await utimes(path, new Date(), new Date()).catch(() => {});
    return body;
  }

  async write(key: string, bytes: Uint8Array): Promise<void> {
    const temporary = this.temporaryPath();
    try {
      await makeFolders(this.#folder);
      await writeFile(temporary, Buffer.concat([digestOf(bytes), bytes]));
      await rename(temporary, this.#pathOf(key));
      await this.#evict();
    } catch {
      // Without the file, the next process compiles again.
    } finally {
      await rm(temporary, { force: true }).catch(() => {});
    }
  }

  /** Makes the folder. @returns Whether it exists then. */
  prepare(): Promise<boolean> {
    return makeFolders(this.#folder).then(
      () => true,
      () => false,
    );
  }

  /** A path in the folder that no one else uses. */
  temporaryPath(): string {
    return join(this.#folder, `${randomUUID()}.tmp`);
  }

  #pathOf(key: string): string {
    return join(this.#folder, `${key}${this.#suffix}`);
  }

  async #evict(): Promise<void> {
    const names = (await readdir(this.#folder)).filter(name => name.endsWith(this.#suffix));
    if (names.length <= MOST_PROGRAMS) return;
    const used = await Promise.all(
      names.map(async name => ({ name, time: (await stat(join(this.#folder, name))).mtimeMs })),
    );
    const oldest = used.sort((a, b) => a.time - b.time).slice(0, names.length - MOST_PROGRAMS);
    await Promise.all(oldest.map(({ name }) => rm(join(this.#folder, name), { force: true })));
  }
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
