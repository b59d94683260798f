/** @file Opens a file of the store to read it. */
import { type BigIntStats, closeSync, constants, fstatSync, openSync, read as readAt } from 'node:fs';
import { open } from 'node:fs/promises';
import { codeOf } from './failures.ts';

/** A file that is read at places, as by FileHandle.read. */
export interface OpenFile {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
}

/** Runs `read` on the open file; undefined when no such regular file exists. */
export type WithFile = <T>(
  path: string,
  read: (file: OpenFile, stats: BigIntStats) => Promise<T>,
) => Promise<T | undefined>;

const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const ABSENT: readonly (string | undefined)[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'];

/** Never blocks the thread. */
export const withHandle: WithFile = async (path, read) => {
  const file = await open(path, FLAGS).catch(unlessAbsent);
  if (file === undefined) return undefined;
  try {
    const stats = await file.stat({ bigint: true });
    return stats.isFile() ? await read(file, stats) : undefined;
  } finally {
    await file.close();
  }
};

/**
 * Blocks the thread while it opens and closes the file, which takes a tenth of the time of doing so in another thread.
 * Bytes are read in other threads, so that a drive gets several requests at once.
 */
export const withDescriptor: WithFile = async (path, read) => {
  const file = openOrNot(path);
  if (file === undefined) return undefined;
  try {
    const stats = fstatSync(file, { bigint: true });
    return stats.isFile() ? await read(openFile(file), stats) : undefined;
  } finally {
    closeSync(file);
  }
};

function openOrNot(path: string): number | undefined {
  try {
    return openSync(path, FLAGS);
  } catch (error) {
    return unlessAbsent(error);
  }
}

function unlessAbsent(error: unknown): undefined {
  if (!ABSENT.includes(codeOf(error))) throw error;
}

function openFile(descriptor: number): OpenFile {
  return {
    read: (buffer, offset, length, position) =>
      new Promise((resolve, reject) => {
        readAt(descriptor, buffer, offset, length, position, (error, bytesRead) => {
          if (error) reject(error);
          else resolve({ bytesRead });
        });
      }),
  };
}
