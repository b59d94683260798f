/** @file Writes a stream to a file and hashes it on the way, so that a gibibyte takes no memory. */
import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest } from '../digest.ts';
import type { FileBody, SpooledBody } from '../types.ts';

/** Read-only, like every object of a folder store: there the file itself becomes the object. */
const SPOOL_MODE = 0o444;

/** Small chunks, such as headers of a tar, wait until so many bytes are written at once. */
const WRITE_BYTES = 1 << 16;

/** Writes the chunks to a new, synced file in `folder`. Deletes the file when the stream breaks. */
export async function spoolTo(folder: string, chunks: AsyncIterable<Uint8Array>): Promise<SpooledBody> {
  const path = join(folder, randomUUID());
  const discard = () => rm(path, { force: true });
  const hash = createHash('sha256');
  let size = 0;
  try {
    const file = await open(path, 'wx', SPOOL_MODE);
    try {
      let waiting: Uint8Array[] = [];
      let waitingBytes = 0;
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.byteLength;
        waitingBytes += chunk.byteLength;
        waiting.push(chunk);
        if (waitingBytes < WRITE_BYTES) continue;
        await writeAll(file, waiting);
        waiting = [];
        waitingBytes = 0;
      }
      await writeAll(file, waiting);
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
