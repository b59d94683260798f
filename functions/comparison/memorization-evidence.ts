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
  trained: z.looseObject({ passes: z.number() }).optional(),
  spaces: z.array(
    z.looseObject({
      extractor: z.string(),
      condition: z.string().optional(),
      excess: z.number(),
      held_out: rateSchema.nullable(),
      obeyed: rateSchema.optional(),
      caption_swap: z
        .looseObject({ returned: rateSchema, floor: rateSchema.nullable(), excess: z.number() })
        .optional(),
      cosine: z
        .looseObject({
          above: z.number(),
          excess: z.number(),
          held_out: rateSchema.nullable(),
          obeyed: rateSchema.optional(),
        })
        .optional(),
      authentic: z.looseObject({ drawn: rateSchema, held_out: rateSchema.nullable() }).nullish(),
      data_copying: z.looseObject({ drawn: scoreSchema.nullable(), held_out: scoreSchema.nullable() }).nullish(),
    }),
  ),
});

type Check = z.infer<typeof memorizationSchema>;

/**
 * Copies of training pictures above the false alarms, authenticity, the test of data-copying, and how often the
 * training had seen its pictures.
 */
export async function readMemorization(blobs: BlobStore, digest: Digest): Promise<readonly Scored[]> {
  const check = await readDocument(blobs, digest, memorizationSchema, 'a check for copies');
  const { dataset, trained, spaces } = check;
  const passes: readonly Scored[] = trained
    ? [
        {
          ...{ key: 'passes', label: 'passes over the training pictures, where copies were looked for' },
          ...{ measured: { value: trained.passes }, meaning: { dataset }, controls: [] },
        },
      ]
    : [];
  return [...spaces.flatMap(space => tellSpace(check, space)), ...passes];
}

function tellSpace(
  check: Check,
  {
    extractor,
    excess,
    held_out,
    obeyed,
    caption_swap: swap,
    cosine,
    authentic,
    data_copying,
    ...space
  }: Check['spaces'][number],
): Scored[] {
  const { dataset, split = null, ratio = null, sampling = null } = check;
  // A check of one condition has it for all spaces.
  const { condition = check.condition } = space;
  const place = space.condition === undefined ? extractor : `${extractor}/${condition}`;
  const judge = space.condition === undefined ? extractor : `${extractor}, drawn from ${condition}`;
  const meaning = { dataset, condition, split, sampling };
  const floors = (alarms: typeof held_out, met: typeof obeyed) => [
    ...(alarms ? [{ name: 'false alarms on held-out pictures', value: alarms.rate }] : []),
    ...(met ? [{ name: 'held-out pictures met by their conditions', value: met.rate }] : []),
  ];
  return [
    {
      key: `copies/${place}`,
      label: `share of copies of training pictures (${judge}), above those that are none`,
      better: 'lower',
      measured: { value: excess },
      meaning: { ...meaning, ratio },
      controls: floors(held_out, obeyed),
    },
    ...(cosine
      ? [
          {
            key: `cosine_copies/${place}`,
            label: `share of pictures whose cosine to a training picture is above ${cosine.above} (${judge}), above those that are no copies`,
            better: 'lower' as const,
            measured: { value: cosine.excess },
            meaning: { ...meaning, above: cosine.above },
            controls: floors(cosine.held_out, cosine.obeyed),
          },
        ]
      : []),
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
            key: `authentic/${place}`,
            label: `share of authentic pictures (${judge}): that of held-out ones is good`,
            measured: { value: authentic.drawn.rate },
            meaning,
            controls: authentic.held_out ? [{ name: 'held-out pictures', value: authentic.held_out.rate }] : [],
          },
        ]
      : []),
    ...(data_copying?.drawn
      ? [
          {
            key: `data_copying/${place}`,
            label: `test of data-copying C_T (${judge}): about 0 is good, below is copying`,
            measured: { value: data_copying.drawn.score },
            meaning,
            controls: data_copying.held_out ? [{ name: 'held-out pictures', value: data_copying.held_out.score }] : [],
          },
        ]
      : []),
  ];
}
