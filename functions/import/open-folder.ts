/**
 * @file A folder below the import roots as the source of an import. Paths are bytes here, since names of files need not
 * be UTF-8. What cannot be read is a reject with the reason, and the rest is taken.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { expandHome } from '../../configs/home-path.ts';
import { Forbidden, NotFound, Unprocessable } from '../../errors.ts';
import { decodeFileName } from '../../formats/file-name.ts';
import type { Reject } from '../../storage/records.ts';
import { type ImportSource, type SourceFile, sortByName } from './import-source.ts';
import { changedMeanwhile, isDenied, reasonOf, systemCode, Unreadable } from './read-failure.ts';

/** Largest number of files. A set of 70,000 photographs with two sidecars each has 210,000. */
const MAX_FILES = 1_000_000;
const SEPARATOR = Buffer.from(sep);
const DOT = '.'.charCodeAt(0);

/** The calls to the system. Tests replace them by calls that fail. */
export interface FolderSystem {
  realpath(path: Buffer): Promise<Buffer>;
  stat(path: Buffer): Promise<Stats>;
  lstat(path: Buffer): Promise<Stats>;
  /** Names without `.` and `..`. */
  readdir(path: Buffer): Promise<Buffer[]>;
  open(path: Buffer, flags: number): Promise<Pick<FileHandle, 'stat' | 'read' | 'close'>>;
}

export const SYSTEM: FolderSystem = {
  realpath: path => realpath(path, { encoding: 'buffer' }),
  stat,
  lstat,
  readdir: path => readdir(path, { encoding: 'buffer' }),
  open,
};

/**
 * Lists all files below a folder. Follows symbolic links that lead below an import root.
 * @param folder As the caller names it, and as errors do. ~ is the home folder.
 * @throws NotFound
 * @throws Forbidden if the folder lies, or leads, outside the roots, or if the server may not read it.
 */
export async function openFolder(
  folder: string,
  importRoots: readonly string[],
  system = SYSTEM,
): Promise<ImportSource> {
  const roots = await Promise.all(importRoots.map(root => realPath(system, root).catch(() => Buffer.from(root))));
  const isAllowed = (path: Buffer) => roots.some(root => path.equals(root) || startsWith(path, withSeparator(root)));
  const top = await realPath(system, expandHome(folder)).catch(cause => {
    throw explainTop(folder, cause);
  });
  if (!isAllowed(top)) {
    throw new Forbidden(`"${folder}" lies outside the import roots`, {
      expected: 'a folder below one of the import roots, which GET /health names',
      hint: 'start the server with EASEL_IMPORT_ROOTS set to the folder, or upload a tar to /objects and import that',
    });
  }
  const files: SourceFile[] = [];
  const rejects: Reject[] = [];
  let hidden = 0;
  const seen = new Set([keyOf(top)]);

  /** @returns The reason why it is left out. */
  async function visit(path: Buffer, name: string): Promise<string | undefined> {
    const real = await system.realpath(path).catch(error => explainPath(system, path, error));
    if (typeof real === 'string') return real;
    if (!isAllowed(real)) return 'a link that leads outside the import roots';
    const info = await system.stat(real).catch(error => explainPath(system, path, error));
    if (typeof info === 'string') return info;
    if (files.length >= MAX_FILES) throw tooMany(folder);
    if (info.isFile()) {
      files.push(plainFile(system, real, name, info.size));
      return undefined;
    }
    if (!info.isDirectory()) return 'not a regular file';
    if (seen.has(keyOf(real))) return 'a link to a folder that is read already';
    seen.add(keyOf(real));
    const entries = await system.readdir(real).catch(reasonOf);
    // Not just a file: pictures may be missing.
    return typeof entries === 'string' ? `a folder that is ${entries}` : visitAll(real, `${name}/`, entries);
  }

  async function visitAll(path: Buffer, prefix: string, entries: readonly Buffer[]): Promise<undefined> {
    for (const entry of entries) {
      if (entry[0] === DOT) {
        hidden++;
        continue;
      }
      const name = prefix + decodeFileName(entry);
      const reason = await visit(Buffer.concat([withSeparator(path), entry]), name);
      if (reason !== undefined) rejects.push({ name, reason });
    }
  }

  const isFolder = await system.stat(top).then(
    info => info.isDirectory(),
    cause => {
      throw explainTop(folder, cause);
    },
  );
  if (!isFolder) {
    throw new NotFound(`"${folder}" is not a folder`, { expected: 'a folder', hint: 'import the folder it lies in' });
  }
  const entries = await system.readdir(top).catch(cause => {
    throw explainTop(folder, cause);
  });
  await visitAll(top, '', entries);
  return { files: sortByName(files), rejects: sortByName(rejects), hidden };
}

/** Keeps as little as it can: there may be a million. */
function plainFile(system: FolderSystem, path: Buffer, name: string, size: number): SourceFile {
  const key = keyOf(path);
  const readAt: SourceFile['readAt'] = (at, length) =>
    readPlainFile(system, Buffer.from(key, 'latin1'), name, size, { at, length });
  return { name, size, read: () => readAt(0, size), readAt };
}

async function realPath(system: FolderSystem, path: string): Promise<Buffer> {
  return system.realpath(Buffer.from(path));
}

/** Why the folder of the call cannot be listed. */
function explainTop(folder: string, cause: unknown): NotFound | Forbidden | Unprocessable {
  const code = systemCode(cause);
  if (isDenied(code)) {
    return new Forbidden(`the server runs as a user who may not read "${folder}" (${code})`, {
      expected: 'a folder that the server may read',
      hint: 'give the server the right to read it, or upload a tar to /objects and import that',
      cause,
    });
  }
  if (['ENOENT', 'ENOTDIR', 'ERR_INVALID_ARG_VALUE'].includes(code)) {
    return new NotFound(`there is no folder "${folder}" on the server's machine`, {
      hint: 'give the path as the server sees it, or upload a tar to /objects and import that',
      cause,
    });
  }
  return new Unprocessable(`the folder "${folder}" is ${reasonOf(cause)}`, {
    expected: 'a folder that the server can read',
    cause,
  });
}

/** Why an entry that was listed cannot be looked at. */
async function explainPath(system: FolderSystem, path: Buffer, error: unknown): Promise<string> {
  if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error))) return reasonOf(error);
  const isLink = await system.lstat(path).then(
    info => info.isSymbolicLink(),
    () => false,
  );
  return isLink ? 'a link that leads nowhere' : 'deleted or renamed while the folder was read';
}

/**
 * Reads the file that was checked. Refuses a file that has replaced it since: a link that leads out of the roots, a
 * pipe, or a file that never ends.
 * @throws Conflict if it has changed, Unreadable
 */
async function readPlainFile(
  system: FolderSystem,
  path: Buffer,
  name: string,
  size: number,
  part: { readonly at: number; readonly length: number },
): Promise<Uint8Array> {
  const changed = (cause?: unknown) => changedMeanwhile(name, cause);
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await system.open(path, flags).catch(cause => {
    // The system reports a link that took the place of the file as a circle of links.
    throw ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(systemCode(cause)) ? changed(cause) : new Unreadable(name, cause);
  });
  try {
    const info = await file.stat();
    if (!info.isFile() || info.size !== size) throw changed();
    const length = Math.max(0, Math.min(part.length, size - part.at));
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await file.read(bytes, at, length - at, part.at + at).catch(cause => {
        throw new Unreadable(name, cause);
      });
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

function withSeparator(path: Buffer): Buffer {
  return path.subarray(-SEPARATOR.length).equals(SEPARATOR) ? path : Buffer.concat([path, SEPARATOR]);
}

function startsWith(path: Buffer, start: Buffer): boolean {
  return path.subarray(0, start.length).equals(start);
}

/** Equal for equal bytes. */
function keyOf(path: Buffer): string {
  return path.toString('latin1');
}
