/** @file Decodes every picture once: notes its size and its perceptual hash, or why it is rejected. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Busy } from '../errors.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { inspectPicture } from './datasets/inspection.ts';
import { MAX_ARCHIVE_BYTES, readOriginals } from './datasets/originals.ts';
import { definePageFunction } from './define.ts';
import { DEFAULT_LIMITS, IMAGE_TOOLS } from './pictures/image.ts';

/** Upper limit of `max_pixels`: three gigabytes decoded. */
const MOST_PIXELS = 1_000_000_000;

export const inspect = definePageFunction({
  name: 'inspect',
  summary:
    'Decodes each picture and notes its format, its size after EXIF orientation and its perceptual hash, or why it ' +
    'is rejected.',
  version: 3,
  tools: IMAGE_TOOLS,
  needs: [],
  adds: ['inspect'],
  example: { dataset: 'portraits' },
  input: z.strictObject({
    min_side: z
      .int()
      .min(1)
      .max(MOST_PIXELS)
      .default(DEFAULT_LIMITS.minSide)
      .describe('least pixels of the shorter side'),
    max_pixels: z
      .int()
      .min(1)
      .max(MOST_PIXELS)
      .default(DEFAULT_LIMITS.maxPixels)
      .describe('most pixels; a larger picture is rejected before decoding'),
    max_aspect: z
      .number()
      .min(1)
      .max(MOST_PIXELS)
      .default(DEFAULT_LIMITS.maxAspect)
      .describe('most of longer side divided by shorter side'),
    max_bytes: z
      .int()
      .min(1)
      .max(MAX_ARCHIVE_BYTES)
      .default(DEFAULT_LIMITS.maxBytes)
      .describe('most bytes of the file'),
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
    return { columns: { inspect: new Map(members) } };
  },
});
