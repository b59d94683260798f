/** @file Makes the pixels to train on: scales each picture to cover its bucket and crops it around the centre. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Unprocessable } from '../errors.ts';
import { encodeNpy } from '../formats/npy.ts';
import { readOriginals } from './datasets/originals.ts';
import { definePageFunction } from './define.ts';
import { chooseBucket, scaleBuckets } from './pictures/buckets.ts';
import { coverRgb, IMAGE_TOOLS } from './pictures/image.ts';
import { NO_LIMITS } from './pictures/limits.ts';
import { toPlanar } from './pictures/planar.ts';

const sideSchema = z.int().min(8).max(8192);

export const bucket = definePageFunction({
  name: 'bucket',
  summary: 'Scales and crops each picture to the bucket nearest to its shape. Stores uint8 pixels [3, height, width].',
  version: 2,
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
  async run(ctx, { items }, { size, quantum, buckets = scaleBuckets(size, quantum) }) {
    const originals = await readOriginals(ctx.blobs, items);
    const counts: Record<string, number> = {};
    const members = await Promise.all(
      items.map(async ({ id, name, width, height }) => {
        const bytes = originals.get(id);
        if (bytes === undefined || width === undefined || height === undefined) {
          throw new Unprocessable(`"${name}" (${id}) has no size yet`, { hint: 'run inspect and ingest first' });
        }
        const chosen = chooseBucket(buckets, width, height);
        const label = `${chosen.width}x${chosen.height}`;
        counts[label] = (counts[label] ?? 0) + 1;
        const { data } = toPlanar(await coverRgb(bytes, chosen.width, chosen.height, NO_LIMITS));
        return [
          memberName('image', id),
          encodeNpy({ dtype: 'u8', shape: [3, chosen.height, chosen.width], data }),
        ] as const;
      }),
    );
    return { columns: { image: new Map(members) }, stats: { buckets: counts } };
  },
});
