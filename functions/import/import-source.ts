/** @file Sources of an import: a folder (open-folder.ts), or an uploaded tar. Names are paths with `/`, sorted. */
import { readTar } from '../../formats/tar.ts';
import type { Reject } from '../../storage/records.ts';

export interface SourceFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** @throws Conflict if the file has changed since it was listed, Unreadable */
  read(): Promise<Uint8Array>;
}

export interface ImportSource {
  /** Sorted by name. */
  readonly files: readonly SourceFile[];
  /** Entries that cannot be read, with the reason. */
  readonly rejects: readonly Reject[];
  /** Files and folders whose name starts with a dot. */
  readonly hidden: number;
}

const LINK = 'a link, which is not followed in an archive; make it with tar --dereference --hard-dereference';

/** Lists the files of a tar. @throws Unprocessable if the bytes are not a tar, or are damaged. */
export function openTar(bytes: Uint8Array): ImportSource {
  const files = new Map<string, SourceFile>();
  const rejects: Reject[] = [];
  let hidden = 0;
  for (const { name, kind, body } of readTar(bytes)) {
    if (kind === 'directory') continue;
    // Names are labels here, never paths: nothing is written under them.
    const parts = name.split('/').filter(part => part !== '' && part !== '.');
    const path = parts.join('/');
    const reject = (reason: string) => rejects.push({ name: path === '' ? name : path, reason });
    if (path === '') reject('a file without a name');
    else if (parts.includes('..')) reject('its name leads upwards (..)');
    else if (parts.some(part => part.startsWith('.'))) hidden++;
    else if (kind === 'link') reject(LINK);
    else if (kind === 'other') reject('not a regular file');
    else {
      // Unpacking the archive would leave the last.
      if (files.has(path)) reject('a later file of the archive has the same name');
      files.set(path, { name: path, size: body.length, read: async () => body });
    }
  }
  return { files: sortByName([...files.values()]), rejects: sortByName(rejects), hidden };
}

/** Sorts by UTF-16 code units: the same order on every machine. */
export function sortByName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
