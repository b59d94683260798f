/** @file Verifies a blob of which only parts are needed, in constant memory. */
import type { Digest } from '../digest.ts';
import type { StreamedBlobStore } from '../types.ts';

/** Reads all of the blob. Then its parts may be read by `getRange`. @throws BlobMissing, Corrupt */
export async function verifyBlob(blobs: Pick<StreamedBlobStore, 'stream'>, digest: Digest): Promise<void> {
  for await (const _ of blobs.stream(digest));
}
