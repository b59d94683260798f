/** @file Looks at every picture once: does it decode, how large is it, what does it look like. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Busy } from '../errors.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { inspectPicture } from './datasets/inspection.ts';
import { MAX_ARCHIVE_BYTES, readOriginals } from './datasets/originals.ts';
import { definePageFunction } from './define.ts';
import { DEFAULT_LIMITS, IMAGE_TOOLS } from './pictures/image.ts';

/** No caller may ask for more: decoded, three gigabytes. */
const MOST_PIXELS = 1_000_000_000;

export const inspect = definePageFunction({
  name: 'inspect',
  summary:
    'Decodes each picture; notes its format, size after EXIF orientation, perceptual marks, or why it is rejected.',
  version: 1,
  tools: IMAGE_TOOLS,
  needs: [],
  adds: ['inspect'],
  example: { dataset: 'portraits' },
  input: z.strictObject({
    min_side: z.int().min(1).default(DEFAULT_LIMITS.minSide).describe('pixels that the shorter side must have'),
    max_pixels: z
      .int()
      .min(1)
      .max(MOST_PIXELS)
      .default(DEFAULT_LIMITS.maxPixels)
      .describe('more are rejected before decoding'),
    max_aspect: z.number().min(1).default(DEFAULT_LIMITS.maxAspect).describe('longer side over shorter side at most'),
    max_bytes: z.int().min(1).max(MAX_ARCHIVE_BYTES).default(DEFAULT_LIMITS.maxBytes).describe('of the file'),
  }),
  async run(ctx, { items }, input) {
    const limits = {
      minSide: input.min_side,
      maxPixels: input.max_pixels,
      maxAspect: input.max_aspect,
      maxBytes: input.max_bytes,
    };
    const originals = await readOriginals(ctx.blobs, items);
    const members = await Promise.all(
      items.map(async ({ id, name }) => {
        const inspection = await inspectPicture(originals.get(id) ?? new Uint8Array(), limits).catch(cause => {
          if (!(cause instanceof Busy)) throw cause;
          const { message, expected = '', hint = '' } = cause;
          throw new Busy(`"${name}": ${message}`, { expected, hint, cause });
        });
        return [memberName('inspect', id), Buffer.from(canonicalJson(inspection))] as const;
      }),
    );
    return { members: new Map(members) };
  },
});
