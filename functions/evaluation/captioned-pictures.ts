/** @file Pictures with the captions that they should fit: those that they were drawn from, or those of the dataset. */
import { Internal, InvalidInput } from '../../errors.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readDrawnIndex } from '../experiments/drawn-index.ts';
import { readCaptions } from '../experiments/read-captions.ts';

/** Keys of a call that takes such pictures. */
export const captionedShape = {
  drawn: digestSchema.optional().describe('output index of draw: with the captions that were given to the network'),
  pictures: digestSchema.optional().describe('instead of drawn: a column of pictures of the dataset'),
  dataset: digestSchema.optional().describe('has the captions of pictures, by their ids'),
};

export interface CaptionedPictures {
  /** Of the pictures. */
  readonly column: Digest;
  /** By the id of the picture, without empty ones. */
  readonly captions: ReadonlyMap<string, string>;
  /** One of each picture of the dataset, each once. */
  readonly all: readonly string[];
}

interface CaptionedOf {
  readonly drawn: Digest | undefined;
  readonly pictures: Digest | undefined;
  readonly dataset: Digest | undefined;
}

/** @throws InvalidInput unless there is either `drawn`, or `pictures` and `dataset`. */
export async function readCaptioned(
  blobs: BlobStore,
  { drawn, pictures, dataset }: CaptionedOf,
): Promise<CaptionedPictures> {
  if ((drawn === undefined) === (pictures === undefined) || (pictures === undefined) !== (dataset === undefined)) {
    throw new InvalidInput('it is not clear which pictures to score', {
      expected: 'drawn, or pictures and dataset',
    });
  }
  const index = drawn && (await readDrawnIndex(blobs, drawn));
  const from = index?.dataset ?? dataset;
  const column = index?.pictures ?? pictures;
  if (from === undefined || column === undefined) throw new Internal('the pictures have no dataset');
  const known = await readCaptions(blobs, await readDataset(blobs, from));
  const firsts = known.flatMap(({ item, captions: [first] }) =>
    first === undefined ? [] : [[item.id, first] as const],
  );
  const given = index?.items.map(({ id, caption }) => [id, caption] as const) ?? firsts;
  return {
    column,
    captions: new Map(given.filter(([, caption]) => caption !== '')),
    all: [...new Set(firsts.map(([, caption]) => caption))],
  };
}
