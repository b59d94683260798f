/**
 * @file Sources of an import: a folder below the import roots, or an uploaded tar. Names are paths with `/`, sorted.
 */
import { constants } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { Conflict, Forbidden, NotFound, Unprocessable } from '../../errors.ts';
import { readTar } from '../../formats/tar.ts';
import type { Reject } from '../../storage/records.ts';

/** Largest number of files. A set of 70,000 photographs with two sidecars each has 210,000. */
const MAX_FILES = 1_000_000;

export interface SourceFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** @throws Conflict if the file has changed since it was listed. */
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

/**
 * Lists all files below a folder. Follows symbolic links that lead below an import root.
 * @throws NotFound
 * @throws Forbidden if the folder lies, or leads, outside the roots.
 */
export async function openFolder(folder: string, importRoots: readonly string[]): Promise<ImportSource> {
  const roots = await Promise.all(importRoots.map(root => realpath(root).catch(() => root)));
  const isAllowed = (path: string) => roots.some(root => path === root || path.startsWith(withSeparator(root)));
  const top = await realpath(folder).catch(cause => {
    throw new NotFound(`there is no folder "${folder}" on the server's machine`, {
      hint: 'give the path as the server sees it, or upload a tar to /objects and import that',
      cause,
    });
  });
  if (!isAllowed(top)) {
    throw new Forbidden(`"${folder}" lies outside the import roots`, {
      expected: `a folder below ${importRoots.join(' or ')}`,
      hint: 'start the server with EASEL_IMPORT_ROOTS set to the folder, or upload a tar to /objects and import that',
    });
  }
  const files: SourceFile[] = [];
  const rejects: Reject[] = [];
  let hidden = 0;
  const seen = new Set<string>();

  async function visit(path: string, name: string): Promise<void> {
    const real = await realpath(path).catch(() => undefined);
    if (real === undefined) {
      rejects.push({ name, reason: 'a link that leads nowhere' });
    } else if (!isAllowed(real)) {
      rejects.push({ name, reason: 'a link that leads outside the import roots' });
    } else {
      const info = await stat(real);
      if (files.length >= MAX_FILES) throw tooMany(folder);
      if (info.isFile()) files.push({ name, size: info.size, read: () => readPlainFile(real, name, info.size) });
      else if (!info.isDirectory()) rejects.push({ name, reason: 'not a regular file' });
      else if (seen.has(real)) rejects.push({ name, reason: 'a link to a folder that is read already' });
      else {
        seen.add(real);
        for (const entry of await readdir(real)) {
          if (entry.startsWith('.')) hidden++;
          else await visit(join(path, entry), name === '' ? entry : `${name}/${entry}`);
        }
      }
    }
  }

  if (!(await stat(top)).isDirectory()) {
    throw new NotFound(`"${folder}" is not a folder`, { expected: 'a folder', hint: 'import the folder it lies in' });
  }
  await visit(top, '');
  return { files: sortByName(files), rejects: sortByName(rejects), hidden };
}

/** Lists the files of a tar. @throws Unprocessable if the bytes are not a tar, or are damaged. */
export function openTar(bytes: Uint8Array): ImportSource {
  const files: SourceFile[] = [];
  const rejects: Reject[] = [];
  let hidden = 0;
  for (const { name, kind, body } of readTar(bytes)) {
    // Names are labels here, never paths: nothing is written under them.
    const path = name.replace(/^(\.?\/)+/, '');
    if (kind === 'directory') continue;
    if (path.split('/').some(part => part.startsWith('.'))) hidden++;
    else if (kind === 'other') rejects.push({ name: path, reason: 'not a regular file' });
    else files.push({ name: path, size: body.length, read: async () => body });
  }
  return { files: sortByName(files), rejects: sortByName(rejects), hidden };
}

/** 'a/b.png' -> 'a/b'. */
export function stemOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > name.length - basename(name).length ? name.slice(0, dot) : name;
}

/**
 * Reads the file that was checked. Refuses a file that has replaced it since: a link that leads out of the roots, a
 * pipe, or a file that never ends.
 */
async function readPlainFile(path: string, name: string, size: number): Promise<Uint8Array> {
  const changed = (cause?: unknown) =>
    new Conflict(`"${name}" changed while it was imported`, {
      cause,
      hint: 'repeat the call while nothing writes to the source',
    });
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(cause => {
    throw changed(cause);
  });
  try {
    const info = await file.stat();
    if (!info.isFile() || info.size !== size) throw changed();
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw changed();
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

function tooMany(folder: string): Unprocessable {
  return new Unprocessable(`"${folder}" has more than ${MAX_FILES} files`, {
    expected: `at most ${MAX_FILES}`,
    hint: 'import its parts as separate datasets',
  });
}

function withSeparator(root: string): string {
  return root.endsWith(sep) ? root : root + sep;
}

/** Sorts by UTF-16 code units: the same order on every machine. */
function sortByName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  return [...entries].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
