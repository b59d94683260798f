/** @file What the file system does not tell of an object: its version (sha256 of its bytes) and media type, remembered where that is safe. */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { Clock } from '../../clock.ts';
import { hexOf } from '../../digest.ts';
import { digestOfBlobKey } from '../../keys.ts';
import type { Etag, ObjectInfo } from '../../types.ts';
import type { CopiedEtags, MediaTypes } from './notes.ts';

const READ_BYTES = 1 << 20;
const MAX_REMEMBERED = 10_000;
/**
 * A file younger than this may be replaced by another with the same inode number, size and time, since clocks of file systems
 * tick in milliseconds; what is looked at later cannot be ("racy git": git's Documentation/technical/racy-git.adoc).
 */
const SETTLED_MS = 2000;

interface Facts {
  readonly identity: string;
  readonly etag: Etag;
  readonly mediaType: string;
}

export class FileFacts {
  readonly #types: MediaTypes;
  readonly #copies: CopiedEtags;
  readonly #now: Clock['now'];
  readonly #remembered = new Map<string, Facts>();

  constructor(types: MediaTypes, copies: CopiedEtags, now: Clock['now']) {
    this.#types = types;
    this.#copies = copies;
    this.#now = now;
  }

  /** Without the file's bytes: undefined when they are needed. A blob's version is in its key, and cas.ts verifies what it reads. */
  async recall(key: string, stats: BigIntStats): Promise<ObjectInfo | undefined> {
    const known = this.#remembered.get(key);
    if (known?.identity === identify(stats)) return describe(key, stats, known);
    const digest = digestOfBlobKey(key);
    const etag = digest ? (hexOf(digest) as Etag) : await this.#copies.read(key, stats);
    return etag && this.#learn(key, stats, etag);
  }

  /** @param body all of the file's bytes, when the caller has them. */
  async read(key: string, file: FileHandle, stats: BigIntStats, body?: Uint8Array): Promise<ObjectInfo> {
    const recalled = await this.recall(key, stats);
    if (recalled) return recalled;
    const hex = body ? createHash('sha256').update(body).digest('hex') : await hashFile(file);
    return this.#learn(key, stats, hex as Etag);
  }

  async #learn(key: string, stats: BigIntStats, etag: Etag): Promise<ObjectInfo> {
    const now = this.#now();
    const facts = { identity: identify(stats), etag, mediaType: await this.#types.read(key) };
    this.#remembered.delete(key);
    if (now - Number(stats.ctimeMs) > SETTLED_MS) this.#remembered.set(key, facts);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    return describe(key, stats, facts);
  }
}

/** Which version of the file it is. */
function identify({ ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

function describe(key: string, stats: BigIntStats, { etag, mediaType }: Facts): ObjectInfo {
  return { key, etag, size: Number(stats.size), lastModified: stats.mtime, mediaType };
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
