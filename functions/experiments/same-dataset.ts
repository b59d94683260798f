import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import { compareDatasets, describeChanges } from './dataset-changes.ts';

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

/** The difference between the datasets of an experiment and of a body: digests and words; none if they are equal. */
export async function tellOtherDataset(blobs: BlobStore, stored: Digest, asked: Digest): Promise<string[]> {
  if (await isSameDataset(blobs, stored, asked)) return [];
  const changes = await compareDatasets(blobs, stored, asked);
  const words = changes ? describeChanges(changes) : '';
  return [`dataset (${stored}, not ${asked}${words === '' ? '' : `: ${words}`})`];
}

async function readContent(blobs: BlobStore, digest: Digest): Promise<string> {
  const { pages, removed, encoders, sets = [] } = await readDataset(blobs, digest);
  const mixed = sets.map(({ name, pages: own, times }) => ({ name, pages: own, times }));
  return canonicalJson({ pages, removed: removed.toSorted(), encoders, mixed });
}
