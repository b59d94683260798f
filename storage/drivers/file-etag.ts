/** @file The version of a file: sha256 of its bytes, remembered where that is safe. */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { hexOf } from '../digest.ts';
import { digestOfBlobKey } from '../keys.ts';
import type { Etag } from '../types.ts';
import type { CopiedEtags } from './file-copies.ts';

const READ_BYTES = 1 << 20;
const MAX_REMEMBERED = 10_000;
/**
 * A file younger than this may be replaced by another with the same inode number, size and time, since clocks of file systems
 * tick in milliseconds; what is hashed later cannot be ("racy git": git's Documentation/technical/racy-git.adoc).
 */
const SETTLED_MS = 2000;

export class EtagReader {
  readonly #copies: CopiedEtags;
  readonly #remembered = new Map<string, { readonly identity: string; readonly etag: Etag }>();

  constructor(copies: CopiedEtags) {
    this.#copies = copies;
  }

  /**
   * @param body all of the file's bytes, when the caller has them.
   * A blob's version is in its key: the driver need not read it, and cas.ts verifies what it reads.
   */
  async read(key: string, file: FileHandle, stats: BigIntStats, body?: Uint8Array): Promise<Etag> {
    const digest = digestOfBlobKey(key);
    if (digest) return hexOf(digest) as Etag;
    const now = Date.now();
    const { ino, size, mtimeNs, ctimeNs, ctimeMs } = stats;
    const identity = `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
    const known = this.#remembered.get(key);
    if (known?.identity === identity) return known.etag;
    const copied = await this.#copies.read(key, stats);
    if (copied) return copied;
    const etag = (body ? createHash('sha256').update(body).digest('hex') : await hashFile(file)) as Etag;
    this.#remembered.delete(key);
    if (now - Number(ctimeMs) > SETTLED_MS) this.#remember(key, identity, etag);
    return etag;
  }

  #remember(key: string, identity: string, etag: Etag): void {
    this.#remembered.set(key, { identity, etag });
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
  }
}

/** Bytes [start, end), which lie within the file, in an array of their own. */
export async function readBytes(file: FileHandle, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(end - start).buffer);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    // Published files are never written again; this one was cut short by somebody else.
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}

async function hashFile(file: FileHandle): Promise<string> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(READ_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}
