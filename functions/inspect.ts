/** @file Decodes every picture once: notes its size and its perceptual hash, or why it is rejected. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Busy } from '../errors.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { inspectPicture } from './datasets/inspection.ts';
import { readOriginals } from './datasets/originals.ts';
import { definePageFunction } from './define.ts';
import { IMAGE_TOOLS } from './pictures/image.ts';
import { limitsOf, limitsShape } from './pictures/limits.ts';

export const inspect = definePageFunction({
  name: 'inspect',
  summary:
    'Decodes each picture and notes its format, its size after EXIF orientation and its perceptual hash, or why it ' +
    'is rejected.',
  version: 5,
  tools: IMAGE_TOOLS,
  needs: [],
  adds: ['inspect'],
  example: { dataset: 'portraits' },
  input: z.strictObject(limitsShape),
  async run(ctx, { items }, input) {
    const limits = limitsOf(input);
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
