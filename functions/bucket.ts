/** @file Makes the pixels to train on: scales each picture to cover its bucket and crops it around the centre. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Internal, Unprocessable } from '../errors.ts';
import { encodeNpy } from '../formats/npy.ts';
import type { BucketCount, Item } from '../storage/records.ts';
import { readOriginals } from './datasets/originals.ts';
import { definePageFunction } from './define.ts';
import type { Noted, NotedItem } from './notes/notes.ts';
import { type Bucket, chooseBucket, fitBucket, scaleBuckets } from './pictures/buckets.ts';
import { coverRgb, IMAGE_TOOLS } from './pictures/image.ts';
import { NO_LIMITS } from './pictures/limits.ts';
import { toPlanar } from './pictures/planar.ts';

/** Enlarging and cropping up to these shares goes without a word: one shape rarely fits another exactly. */
const ENLARGED_PERCENT = 5;
const CROPPED_PERCENT = 20;

const sideSchema = z.int().min(8).max(8192);

export const bucket = definePageFunction({
  name: 'bucket',
  summary: 'Scales and crops each picture to the bucket nearest to its shape. Stores uint8 pixels [3, height, width].',
  version: 3,
  tools: IMAGE_TOOLS,
  needs: [],
  adds: ['image'],
  example: { dataset: 'portraits', size: 64 },
  input: z.strictObject({
    size: sideSchema
      .default(64)
      .describe('side of the square bucket in pixels; the other buckets have about the same area'),
    quantum: z.int().min(1).max(256).default(8).describe('sides of buckets are multiples of this: the patch size'),
    buckets: z
      .array(z.strictObject({ width: sideSchema, height: sideSchema }))
      .min(1)
      .max(64)
      .optional()
      .describe('the buckets, instead of the seven default shapes'),
  }),
  async run(ctx, { items }, input) {
    const buckets = bucketsOf(input);
    const sized = items.map(requireSize);
    const originals = await readOriginals(ctx.blobs, items);
    const members = await Promise.all(
      sized.map(async ({ id, name, width, height }) => {
        const bytes = originals.get(id);
        if (bytes === undefined) throw new Internal(`"${name}" (${id}) has no original`);
        const chosen = chooseBucket(buckets, width, height);
        const { data } = toPlanar(await coverRgb(bytes, chosen.width, chosen.height, NO_LIMITS));
        return [
          memberName('image', id),
          encodeNpy({ dtype: 'u8', shape: [3, chosen.height, chosen.width], data }),
        ] as const;
      }),
    );
    return { columns: { image: new Map(members) }, notes: noteFits(sized, buckets) };
  },
  describe: (items, input) => ({ buckets: countBuckets(items.map(requireSize), bucketsOf(input)) }),
});

interface BucketInput {
  readonly size: number;
  readonly quantum: number;
  readonly buckets?: readonly Bucket[] | undefined;
}

function bucketsOf({ size, quantum, buckets }: BucketInput): readonly Bucket[] {
  return buckets ?? scaleBuckets(size, quantum);
}

type SizedItem = Item & { readonly width: number; readonly height: number };

/** @throws Unprocessable if the item was not inspected. */
function requireSize(item: Item): SizedItem {
  const { id, name, width, height } = item;
  if (width !== undefined && height !== undefined) return { ...item, width, height };
  throw new Unprocessable(`"${name}" (${id}) has no size yet`, { hint: 'run inspect and ingest first' });
}

function noteFits(items: readonly SizedItem[], buckets: readonly Bucket[]): Noted[] {
  const enlarged: NotedItem[] = [];
  const cropped: NotedItem[] = [];
  for (const { id, name, width, height } of items) {
    const chosen = chooseBucket(buckets, width, height);
    const { scale, cut } = fitBucket(chosen, width, height);
    const size = `${width} x ${height}`;
    if (scale > 1 + ENLARGED_PERCENT / 100) {
      const text = `${Number(scale.toPrecision(2))} times, from ${size} to cover ${chosen.width} x ${chosen.height}`;
      enlarged.push({ id, name, amount: scale, text });
    }
    if (cut > CROPPED_PERCENT / 100) {
      cropped.push({ id, name, amount: cut, text: `${Math.round(100 * cut)} % of ${size}` });
    }
  }
  return [
    { code: 'enlarged', facts: { percent: ENLARGED_PERCENT }, items: enlarged },
    { code: 'cropped', facts: { percent: CROPPED_PERCENT }, items: cropped },
  ];
}

/** Commonest first; of equally common ones, the one that comes first. */
function countBuckets(items: readonly SizedItem[], buckets: readonly Bucket[]): BucketCount[] {
  const counts = new Map<Bucket, BucketCount>();
  for (const { width, height, split } of items) {
    const bucket = chooseBucket(buckets, width, height);
    const { pictures = 0, train = 0 } = counts.get(bucket) ?? {};
    counts.set(bucket, { ...bucket, pictures: pictures + 1, train: train + (split === 'train' ? 1 : 0) });
  }
  return [...counts.values()].sort((a, b) => b.pictures - a.pictures);
}
