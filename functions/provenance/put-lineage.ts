/** @file Stores how blobs were made, for heads to keep. */
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Lineage } from '../../storage/lineage-record.ts';
import { parseJson } from '../../storage/parse-document.ts';
import { datasetSchema, type Result } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { createMadeIndex, madeOf } from './made-index.ts';
import { BackWalk } from './walk-back.ts';

/** Of a dataset in a record: about 20,000 pages. A larger one is not repeated there. */
const MOST_CHARACTERS = 4 << 20;

interface Site {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly signal?: AbortSignal;
}

/** Stores the action of a result, and keeps the configs that it read. @returns The digest of the lineage. */
export function putRecord(blobs: BlobStore, result: Result): Promise<Digest> {
  const { config, parent_config } = result.action.inputs;
  const configs = [config, parent_config].flatMap(each => each ?? []);
  return putLineage(blobs, { made: [madeOf(result)], links: [...new Set(configs)] });
}

/**
 * Stores how a dataset was made, as far as the store knows: its originals, and the actions from there on.
 * @returns The digest of the lineage; one without actions if no action is known.
 */
export async function putLineageOf({ store, blobs, signal }: Site, dataset: Digest): Promise<Digest> {
  const back = new BackWalk(createMadeIndex(store, blobs, signal), blobs);
  await back.addBlob(dataset, 'originals');
  const { steps, leaves } = back.walk;
  const documents = leaves.flatMap(({ text }) => (text !== undefined && mayStay(text) ? [text] : []));
  return putLineage(blobs, { made: [...steps], ...(documents.length > 0 && { documents }), links: [] });
}

/**
 * Whether a record may repeat the text of a dataset. It outlives the pictures, so it must not tell their names, as
 * rejects and notes do: deleting a dataset erases these, too.
 */
function mayStay(text: string): boolean {
  if (text.length > MOST_CHARACTERS) return false;
  const parsed = parseJson(text, datasetSchema);
  if (!parsed.ok) return false;
  const { rejects, notes = [] } = parsed.value;
  return rejects.length === 0 && notes.every(({ examples }) => examples.length === 0);
}

async function putLineage(blobs: BlobStore, parts: Omit<Lineage, 'v' | 'kind'>): Promise<Digest> {
  return (await putDocument(blobs, { v: 1, kind: 'lineage', ...parts })).digest;
}
