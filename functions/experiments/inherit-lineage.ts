/** @file What an experiment that begins at a checkpoint of another one keeps of how that checkpoint was made. */
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readChunks } from './chunk-pages.ts';

/**
 * The records of all chunks up to the checkpoint, as one document: a head is written at each border, and must not grow
 * with the runs before it. And the records that the other experiment had inherited itself.
 */
export async function inheritLineage(
  blobs: BlobStore,
  parent: ExperimentHead | undefined,
  { step, checkpoint }: { readonly step: number; readonly checkpoint: Digest },
): Promise<Pick<ExperimentHead, 'lineage'>> {
  const lineage = [...(parent?.lineage ?? [])];
  const chunks = parent ? await readChunks(blobs, parent) : [];
  const links = chunks.flatMap(({ to, record }) => (to <= step && record !== undefined ? [record] : []));
  if (links.length > 0) {
    const { digest: record } = await putDocument(blobs, { v: 1, kind: 'lineages', links });
    lineage.push({ of: checkpoint, record });
  }
  return lineage.length > 0 ? { lineage } : {};
}
