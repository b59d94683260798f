/** @file Whether a download fits on the disk, before and while it is written. */
import { statfs } from 'node:fs/promises';
import { StoreFull } from '../errors.ts';

/** Bytes of the disk that a download leaves free. */
const SPARE_BYTES = 64 * 2 ** 20;
const HINT = 'free some space, or set EASEL_CACHE to a folder on another disk; the same call goes on';

/** Bytes that may be written to the disk of a folder. */
export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** @throws StoreFull if the bytes to come do not fit. */
export async function checkDisk(folder: string, bytes: number, freeBytes = freeBytesOf): Promise<void> {
  const free = await freeBytes(folder);
  if (free >= bytes + SPARE_BYTES) return;
  throw new StoreFull(`${megabytes(bytes)} MB are to come, and the disk of ${folder} has ${megabytes(free)} MB free`, {
    expected: `${megabytes(bytes + SPARE_BYTES)} MB`,
    hint: HINT,
  });
}

/** The error of a write as a caller should see it. */
export function explainWrite(folder: string, cause: unknown): unknown {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code !== 'ENOSPC' && code !== 'EDQUOT') return cause;
  return new StoreFull(`the disk of ${folder} is full`, { cause, hint: HINT });
}

const megabytes = (bytes: number) => Math.ceil(bytes / 1e6);
