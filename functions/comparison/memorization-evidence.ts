/** @file What a check for copies of training pictures tells of a checkpoint. */
import { z } from 'zod';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Scored } from './scored.ts';

const memorizationSchema = z.looseObject({
  kind: z.literal('memorization'),
  dataset: z.string(),
  condition: z.string(),
  split: z.string().optional(),
  ratio: z.number().optional(),
  sampling: z.json().optional(),
  spaces: z.array(
    z.looseObject({
      extractor: z.string(),
      excess: z.number(),
      held_out: z.looseObject({ rate: z.number() }).nullable(),
    }),
  ),
});

/** Copies of training pictures, above the false alarms on held-out ones. */
export async function readMemorization(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const {
    dataset,
    condition,
    split = null,
    ratio = null,
    sampling = null,
    spaces,
  } = await readDocument(blobs, digest, memorizationSchema, 'a check for copies');
  return spaces.map(({ extractor, excess, held_out }) => ({
    key: `copies/${extractor}`,
    label: `share of copies of training pictures (${extractor}), above false alarms`,
    better: 'lower',
    measured: { value: excess },
    meaning: { dataset, condition, split, ratio, sampling },
    controls: held_out ? [{ name: 'false alarms on held-out pictures', value: held_out.rate }] : [],
  }));
}
