/** @file Verifies blobs of which only parts are needed, in constant memory. */
import type { Digest } from '../digest.ts';
import type { StreamedBlobStore } from '../types.ts';

interface Call {
  readonly blobs: Pick<StreamedBlobStore, 'stream'>;
  /** Of the whole call, which tells calls apart. */
  readonly signal: AbortSignal;
}

/** What each call has verified, or is verifying. */
const verified = new WeakMap<AbortSignal, Map<Digest, Promise<void>>>();

/**
 * Reads all of the blob, once in a call: the pages of a dataset share it. Then its parts may be read by `getRange`.
 * @throws BlobMissing, Corrupt
 */
export function verifyBlob({ blobs, signal }: Call, digest: Digest): Promise<void> {
  const known = verified.get(signal) ?? new Map<Digest, Promise<void>>();
  verified.set(signal, known);
  const reading = known.get(digest) ?? readAll(blobs, digest);
  known.set(digest, reading);
  return reading;
}

async function readAll(blobs: Call['blobs'], digest: Digest): Promise<void> {
  for await (const _ of blobs.stream(digest));
}
