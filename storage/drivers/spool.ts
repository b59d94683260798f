/** @file Writes a stream to a file and hashes it on the way, so that a gibibyte takes no memory. */
import { createHash, randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDigest } from '../digest.ts';
import type { FileBody, SpooledBody } from '../types.ts';

/** Read-only, like every object of a folder store: there the file itself becomes the object. */
const SPOOL_MODE = 0o444;

/** Writes the chunks to a new, synced file in `folder`. Deletes the file when the stream breaks. */
export async function spoolTo(folder: string, chunks: AsyncIterable<Uint8Array>): Promise<SpooledBody> {
  const path = join(folder, randomUUID());
  const discard = () => rm(path, { force: true });
  const hash = createHash('sha256');
  let size = 0;
  try {
    const file = await open(path, 'wx', SPOOL_MODE);
    try {
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.byteLength;
        for (let at = 0; at < chunk.byteLength; ) at += (await file.write(chunk, at)).bytesWritten;
      }
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

export function isFileBody(body: Uint8Array | FileBody): body is FileBody {
  return !(body instanceof Uint8Array);
}
