/** @file Features of sets of pictures, as the function `features` stores them, one document for each column. */
import { z } from 'zod';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { type Features, takeRows as takeFeatures } from '../../metrics/features.ts';
import { spreadIndexes } from '../../numerics/spread-indexes.ts';
import { readDataset, readDocument } from '../../storage/blobs/document-blobs.ts';
import { readAllItems } from '../../storage/blobs/items.ts';
import type { Digest } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** Output `index` of `features`. */
export const featureIndexSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('features'),
  extractor: z.string(),
  /** The column of pictures. It is not linked. */
  pictures: digestSchema,
  dim: z.int(),
  /** Of the rows. */
  ids: z.array(z.string()),
  /** npy f32 [ids, dim]. */
  features: digestSchema,
  links: z.array(digestSchema),
});
export type FeatureIndex = z.output<typeof featureIndexSchema>;

/** Features of several columns: rows [ids, dim], and where each picture lies. */
export interface FeatureSet {
  readonly extractor: string;
  readonly dim: number;
  readonly data: Float32Array;
  readonly ids: readonly string[];
  /** The column of each picture. */
  readonly columns: readonly Digest[];
}

/** Documents read at once. */
const WIDTH = 16;

/**
 * Rows of several documents as one set, in their order.
 * @param takes Which pictures; default: all.
 * @throws Unprocessable if they are of several extractors, or none is left; BlobMissing.
 */
export async function readFeatures(
  blobs: BlobStore,
  indexes: readonly Digest[],
  takes: (id: string) => boolean = () => true,
): Promise<FeatureSet> {
  const parts = await mapBounded(indexes, { width: WIDTH }, async digest => {
    const index = await readDocument(blobs, digest, featureIndexSchema, 'an index of features');
    const { dtype, shape, data } = decodeNpy(await blobs.get(index.features));
    if (dtype !== 'f32' || shape.join() !== [index.ids.length, index.dim].join()) {
      throw new Unprocessable(`the features ${index.features} are ${dtype} [${shape}]`, {
        expected: `f32 [${index.ids.length}, ${index.dim}]`,
      });
    }
    return { ...index, data };
  });
  const [first] = parts;
  const other = parts.find(({ extractor, dim }) => extractor !== first?.extractor || dim !== first.dim);
  if (first === undefined || other !== undefined) {
    throw new Unprocessable(
      other
        ? `features of ${first?.extractor} cannot be compared with features of ${other.extractor}`
        : 'there are no features',
      { expected: 'outputs `index` of the function features, all of one extractor' },
    );
  }
  const { dim, extractor } = first;
  const taken = parts.flatMap(({ ids, data, pictures }) =>
    ids.flatMap((id, row) => (takes(id) ? [{ id, pictures, row: data.subarray(row * dim, (row + 1) * dim) }] : [])),
  );
  const data = new Float32Array(taken.length * dim);
  for (const [i, { row }] of taken.entries()) data.set(row, i * dim);
  return { extractor, dim, data, ids: taken.map(({ id }) => id), columns: taken.map(({ pictures }) => pictures) };
}

/** Of the training pictures of a dataset: at most so many, evenly spread over all. @throws As {@link readFeatures} */
export async function readTraining(
  blobs: BlobStore,
  dataset: Digest,
  indexes: readonly Digest[],
  most: number,
): Promise<FeatureSet> {
  const items = await readAllItems(blobs, await readDataset(blobs, dataset));
  const trained = new Set(items.flatMap(({ id, split }) => (split === 'train' ? [id] : [])));
  return spreadRows(await readFeatures(blobs, indexes, id => trained.has(id)), most);
}

/** The rows alone, as tasks of the worker pool take them. */
export function rowsAlone({ dim, data }: FeatureSet): Features {
  return { dim, data };
}

/** At most so many rows, evenly spread over all. */
function spreadRows(set: FeatureSet, most: number): FeatureSet {
  const { dim, ids, columns } = set;
  if (ids.length <= most) return set;
  return takeRows({ ...set, dim, ids, columns }, spreadIndexes(ids.length, most));
}

/** The rows of these places. */
export function takeRows({ extractor, dim, data, ids, columns }: FeatureSet, rows: readonly number[]): FeatureSet {
  return {
    extractor,
    ...takeFeatures({ dim, data }, rows),
    ids: rows.map(row => ids[row] ?? ''),
    columns: rows.flatMap(row => columns[row] ?? []),
  };
}
