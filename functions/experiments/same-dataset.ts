import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';

/**
 * Whether both digests mean the same pictures, columns and encoders. An earlier version wrote `encoders` in another
 * form, so one dataset may have two digests. Extends the life of the stored document.
 * @param asked Digest of a document that exists.
 * @returns False if the digests differ and the stored document is missing.
 */
export async function isSameDataset(blobs: BlobStore, stored: Digest, asked: Digest): Promise<boolean> {
  if (stored === asked) return true;
  if ((await blobs.keep(stored)) === undefined) return false;
  const [before, now] = await Promise.all([readContent(blobs, stored), readContent(blobs, asked)]);
  return before === now;
}

async function readContent(blobs: BlobStore, digest: Digest): Promise<string> {
  const { pages, removed, encoders } = await readDataset(blobs, digest);
  return canonicalJson({ pages, removed: removed.toSorted(), encoders });
}
