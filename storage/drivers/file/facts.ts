/**
 * @file Versions (sha256 of the bytes) and media types of objects, which the file system does not store; remembered
 * where that is safe.
 */
import { createHash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import type { Clock } from '../../clock.ts';
import { hexOf } from '../../digest.ts';
import { digestOfBlobKey } from '../../keys.ts';
import type { Etag, ObjectInfo } from '../../types.ts';
import type { CopiedEtags, MediaTypes } from './notes.ts';
import type { OpenFile } from './open-file.ts';

const READ_BYTES = 1 << 20;
const MAX_REMEMBERED = 10_000;
/**
 * A file younger than this may be replaced by a file with the same inode number, size and time, since clocks of file
 * systems tick in milliseconds. So only older files are remembered ("racy git": git's
 * Documentation/technical/racy-git.adoc).
 */
const SETTLED_MS = 2000;

/** What another version of a file would change. */
type Identity = Pick<BigIntStats, 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

interface Facts {
  readonly stats: Identity;
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

  /**
   * Undefined when the version is known only from the bytes. The version of a blob is in its key: cas.ts verifies its
   * bytes.
   */
  async recall(key: string, stats: BigIntStats): Promise<ObjectInfo | undefined> {
    const known = this.#remembered.get(key);
    if (known && isSame(known.stats, stats)) return describe(key, stats, known);
    const digest = digestOfBlobKey(key);
    const etag = digest ? (hexOf(digest) as Etag) : await this.#copies.read(key, stats);
    return etag && this.#learn(key, stats, etag);
  }

  /** @param body All bytes of the file, if the caller has them. */
  async read(key: string, file: OpenFile, stats: BigIntStats, body?: Uint8Array): Promise<ObjectInfo> {
    const recalled = await this.recall(key, stats);
    if (recalled) return recalled;
    const hex = body ? createHash('sha256').update(body).digest('hex') : await hashFile(file);
    return this.#learn(key, stats, hex as Etag);
  }

  async #learn(key: string, stats: BigIntStats, etag: Etag): Promise<ObjectInfo> {
    const now = this.#now();
    const { ino, size, mtimeNs, ctimeNs } = stats;
    const facts = { stats: { ino, size, mtimeNs, ctimeNs }, etag, mediaType: await this.#types.read(key) };
    this.#remembered.delete(key);
    if (now - Number(stats.ctimeMs) > SETTLED_MS) this.#remembered.set(key, facts);
    const [oldest] = this.#remembered.keys();
    if (this.#remembered.size > MAX_REMEMBERED && oldest !== undefined) this.#remembered.delete(oldest);
    return describe(key, stats, facts);
  }
}

/** Whether both are of one version of a file. */
function isSame(a: Identity, b: Identity): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}

function describe(key: string, stats: BigIntStats, { etag, mediaType }: Facts): ObjectInfo {
  return { key, etag, size: Number(stats.size), lastModified: stats.mtime, mediaType };
}

/** Bytes [start, end) of the file, in a new array. */
export async function readBytes(file: OpenFile, start: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(end - start).buffer);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
    // Published files are never written again: another program cut this one short.
    if (bytesRead === 0) return bytes.subarray(0, filled);
    filled += bytesRead;
  }
  return bytes;
}

async function hashFile(file: OpenFile): Promise<string> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(READ_BYTES);
  for (let at = 0; ; ) {
    const { bytesRead } = await file.read(buffer, 0, READ_BYTES, at);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    at += bytesRead;
  }
}
