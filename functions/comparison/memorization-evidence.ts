/** @file What a check for copies of training pictures tells of a checkpoint. */
import { z } from 'zod';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Scored } from './scored.ts';

const rateSchema = z.looseObject({ rate: z.number() });
const scoreSchema = z.looseObject({ score: z.number() });
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
      held_out: rateSchema.nullable(),
      obeyed: rateSchema.optional(),
      caption_swap: z
        .looseObject({ returned: rateSchema, floor: rateSchema.nullable(), excess: z.number() })
        .optional(),
      authentic: z.looseObject({ drawn: rateSchema, held_out: rateSchema.nullable() }).nullish(),
      data_copying: z.looseObject({ drawn: scoreSchema.nullable(), held_out: scoreSchema.nullable() }).nullish(),
    }),
  ),
});

/** Copies of training pictures above the false alarms, authenticity, and the test of data-copying. */
export async function readMemorization(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const {
    dataset,
    condition,
    split = null,
    ratio = null,
    sampling = null,
    spaces,
  } = await readDocument(blobs, digest, memorizationSchema, 'a check for copies');
  const meaning = { dataset, condition, split, sampling };
  return spaces.flatMap(
    ({ extractor, excess, held_out, obeyed, caption_swap: swap, authentic, data_copying }): Scored[] => [
      {
        key: `copies/${extractor}`,
        label: `share of copies of training pictures (${extractor}), above those that are none`,
        better: 'lower',
        measured: { value: excess },
        meaning: { ...meaning, ratio },
        controls: [
          ...(held_out ? [{ name: 'false alarms on held-out pictures', value: held_out.rate }] : []),
          ...(obeyed ? [{ name: 'held-out pictures met by their conditions', value: obeyed.rate }] : []),
        ],
      },
      ...(swap
        ? [
            {
              key: `caption_swap/${extractor}`,
              label: `share of trained pictures that their caption alone gives back (${extractor}), above held-out ones`,
              better: 'lower' as const,
              measured: { value: swap.excess },
              meaning: { ...meaning, ratio },
              controls: swap.floor ? [{ name: 'held-out pictures', value: swap.floor.rate }] : [],
            },
          ]
        : []),
      ...(authentic
        ? [
            {
              key: `authentic/${extractor}`,
              label: `share of authentic pictures (${extractor}): that of held-out ones is good`,
              measured: { value: authentic.drawn.rate },
              meaning,
              controls: authentic.held_out ? [{ name: 'held-out pictures', value: authentic.held_out.rate }] : [],
            },
          ]
        : []),
      ...(data_copying?.drawn
        ? [
            {
              key: `data_copying/${extractor}`,
              label: `test of data-copying C_T (${extractor}): about 0 is good, below is copying`,
              measured: { value: data_copying.drawn.score },
              meaning,
              controls: data_copying.held_out
                ? [{ name: 'held-out pictures', value: data_copying.held_out.score }]
                : [],
            },
          ]
        : []),
    ],
  );
}
