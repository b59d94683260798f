/**
 * @file A disk of few bytes, modelled over `node:fs/promises`, since a real one needs root. A file, a folder or a link
 * takes one block and its bytes. Renames take nothing.
 */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import type * as fs from 'node:fs/promises';
import { join } from 'node:path';

type Fs = typeof fs;
type FileHandle = fs.FileHandle;

const BLOCK_BYTES = 512;

export class SmallDisk {
  /** Bytes; at first without limit. */
  capacity = Number.POSITIVE_INFINITY;
  /** Files, folders and links; at first without limit. */
  inodes = Number.POSITIVE_INFINITY;
  /** `ENOSPC`, or `EDQUOT` where a quota is the limit. */
  code = 'ENOSPC';
  root = '';

  used(folder = this.root): number {
    return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
      const path = join(folder, entry.name);
      return sum + BLOCK_BYTES + (entry.isDirectory() ? this.used(path) : lstatSync(path).size);
    }, 0);
  }

  count(folder = this.root): number {
    return readdirSync(folder, { withFileTypes: true }).reduce(
      (sum, entry) => sum + 1 + (entry.isDirectory() ? this.count(join(folder, entry.name)) : 0),
      0,
    );
  }

  /** Bytes; none without an inode. */
  get free(): number {
    if (this.root === '') return Number.POSITIVE_INFINITY;
    return this.count() < this.inodes ? this.capacity - this.used() : 0;
  }

  /** The functions of the module that take room. */
  wrap(real: Fs): Partial<Fs> {
    const take = (size: number) => {
      if (this.free < size) throw Object.assign(new Error(`${this.code}: no space left`), { code: this.code });
    };
    const writing = (file: FileHandle): FileHandle =>
      Object.assign(file, {
        writeFile: async (body: Uint8Array) => {
          take(body.length);
          for (let at = 0; at < body.length; ) at += (await file.write(body, at)).bytesWritten;
        },
      });
    const wrapped = {
      async open(...args: Parameters<Fs['open']>) {
        if (args[1] !== 'wx') return real.open(...args);
        take(BLOCK_BYTES);
        return writing(await real.open(...args));
      },
      async mkdir(...args: Parameters<Fs['mkdir']>) {
        if (!existsSync(args[0])) take(BLOCK_BYTES);
        return real.mkdir(...args);
      },
      async symlink(...args: Parameters<Fs['symlink']>) {
        take(BLOCK_BYTES + String(args[0]).length);
        return real.symlink(...args);
      },
      /** Writes what fits, as a real disk does. */
      appendFile: async (...[path, body, options]: [string, Uint8Array, { readonly mode: number }]) => {
        const fits = body.subarray(0, Math.max(0, this.free - BLOCK_BYTES));
        await real.appendFile(path, fits, options);
        if (fits.length < body.length) take(Number.POSITIVE_INFINITY);
      },
    };
    return wrapped as Partial<Fs>;
  }
}
