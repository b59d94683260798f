/** @file Writes a stream to a file and hashes it on the way, so that a gibibyte takes no memory. */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest } from '../digest.ts';
import type { FileBody, SpooledBody } from '../types.ts';

/** Read-only, like every object of a folder store: there the file itself becomes the object. */
const SPOOL_MODE = 0o444;

/** Small chunks, such as headers of a tar, are copied until so many bytes are written at once. */
const WRITE_BYTES = 1 << 16;

/**
 * Writes the chunks to a new, synced file in `folder`. Deletes the file when the stream breaks. When the stream is
 * asked for the next chunk, it may write into the memory of the chunk before.
 */
export async function spoolTo(folder: string, chunks: AsyncIterable<Uint8Array>): Promise<SpooledBody> {
  const path = join(folder, randomUUID());
  const discard = () => rm(path, { force: true });
  const hash = createHash('sha256');
  let size = 0;
  try {
    const file = await open(path, 'wx', SPOOL_MODE);
    try {
      const room = Buffer.allocUnsafeSlow(WRITE_BYTES);
      let waiting = 0;
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.byteLength;
        if (waiting + chunk.byteLength < WRITE_BYTES) {
          room.set(chunk, waiting);
          waiting += chunk.byteLength;
        } else {
          await writeAll(file, [room.subarray(0, waiting), chunk]);
          waiting = 0;
        }
      }
      await writeAll(file, [room.subarray(0, waiting)]);
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await discard();
    throw error;
  }
  return { path, size, digest: parseDigest(`sha256:${hash.digest('hex')}`), discard };
}

/** Writes all bytes at the end of the file. */
export async function writeAll(
  file: Pick<FileHandle, 'write' | 'writev'>,
  chunks: readonly Uint8Array[],
): Promise<void> {
  let { bytesWritten: written } = chunks.length > 1 ? await file.writev(chunks) : { bytesWritten: 0 };
  // A write may end early. What is left is written chunk by chunk.
  for (const chunk of chunks) {
    let at = Math.min(written, chunk.byteLength);
    written -= at;
    while (at < chunk.byteLength) at += (await file.write(chunk, at)).bytesWritten;
  }
}

export function isFileBody(body: Uint8Array | FileBody): body is FileBody {
  return !(body instanceof Uint8Array);
}
