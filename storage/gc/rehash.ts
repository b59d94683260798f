/**
 * @file Reads blobs and compares their bytes with their digests, in constant memory. Yields to the event loop between
 * slices.
 */
import { createHash, type Hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { InvalidInput } from '../../errors.ts';
import { type Digest, hexOf } from '../digest.ts';
import { blobKey } from '../keys.ts';
import { mapBounded } from '../map-bounded.ts';
import type { ObjectStore } from '../types.ts';

/** Bytes of one request. Times {@link WIDTH}, that is the memory in use. */
const RANGE_BYTES = 8 << 20;
/** Bytes hashed at a time: about 1 ms. */
const SLICE_BYTES = 2 << 20;
/** Blobs read at once. */
const WIDTH = 8;

export interface StoredBlob {
  readonly digest: Digest;
  /** Bytes, as listed. */
  readonly size: number;
}

export interface RehashOptions {
  readonly signal?: AbortSignal;
  /** Called after each blob. */
  readonly onBlob?: (blob: StoredBlob) => void;
}

/** The blobs whose bytes do not match their digest. Skips blobs that were deleted meanwhile. */
export async function findDamaged(
  store: ObjectStore,
  blobs: readonly StoredBlob[],
  { signal, onBlob }: RehashOptions = {},
): Promise<StoredBlob[]> {
  const damaged: StoredBlob[] = [];
  const check = async (blob: StoredBlob) => {
    if (await isDamaged(store, blob.digest, { size: blob.size, signal })) damaged.push(blob);
    onBlob?.(blob);
  };
  await mapBounded(blobs, { width: WIDTH, signal }, check);
  return damaged;
}

/**
 * Reads up to twice, since a blob may be replaced while it is read.
 * @param known `size` in bytes, if a listing gave it: saves a request.
 */
export async function isDamaged(
  store: ObjectStore,
  digest: Digest,
  known: { readonly size?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  for (const listed of [known.size, undefined]) {
    const size = listed ?? (await store.head(blobKey(digest)))?.size;
    const actual = size === undefined ? undefined : await hashStored(store, digest, size, known.signal);
    if (actual === undefined || actual === hexOf(digest)) return false;
  }
  return true;
}

/** The sha256 in hexadecimal; undefined when the blob is gone; `changed` when it is shorter than `size`. */
async function hashStored(
  store: ObjectStore,
  digest: Digest,
  size: number,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  for (let start = 0; start === 0 || start < size; start += RANGE_BYTES) {
    signal?.throwIfAborted();
    try {
      const range = size > RANGE_BYTES ? { start, end: Math.min(start + RANGE_BYTES, size) - 1 } : undefined;
      const part = await store.get(blobKey(digest), range);
      if (part === undefined) return undefined;
      await update(hash, part.body);
    } catch (error) {
      if (error instanceof InvalidInput) return 'changed';
      throw error;
    }
  }
  return hash.digest('hex');
}

async function update(hash: Hash, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    hash.update(bytes.subarray(at, at + SLICE_BYTES));
    if (bytes.length > SLICE_BYTES) await setImmediate();
  }
}
