/** @file Stores how blobs were made, for heads to keep. */
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Lineage, Made } from '../../storage/lineage-record.ts';
import type { Result } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { createMadeIndex, madeOf } from './made-index.ts';
import { BackWalk } from './walk-back.ts';

interface Site {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly signal?: AbortSignal;
}

/** Stores the action of a result, and keeps the configs that it read. @returns The digest of the lineage. */
export function putRecord(blobs: BlobStore, result: Result): Promise<Digest> {
  const { config, parent_config } = result.action.inputs;
  return putLineage(
    blobs,
    [madeOf(result)],
    [config, parent_config].flatMap(each => each ?? []),
  );
}

/**
 * Stores how a dataset was made, as far as the store knows: the actions from its originals on.
 * @returns The digest of the lineage; one without actions if no action is known.
 */
export async function putLineageOf({ store, blobs, signal }: Site, dataset: Digest): Promise<Digest> {
  const back = new BackWalk(createMadeIndex(store, blobs, signal), blobs);
  await back.addBlob(dataset, 'originals');
  return putLineage(blobs, back.walk.steps, []);
}

async function putLineage(blobs: BlobStore, made: readonly Made[], links: readonly Digest[]): Promise<Digest> {
  const lineage: Lineage = { v: 1, kind: 'lineage', made: [...made], links: [...new Set(links)] };
  return (await putDocument(blobs, lineage)).digest;
}
