/** @file Features of the pictures, to condition on. */

import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { definePageFunction } from './define.ts';
import { DCT_CLS_DIM, DCT_PATCH_DIM } from './encoders/encode-dct.ts';
import type { DctPageInput, DctPageOutput } from './encoders/encode-dct-page.ts';

export const encodeImage = definePageFunction({
  name: 'encode-image',
  summary: 'Encodes each picture: one vector for the whole (cls) and one for each patch (patches).',
  version: 2,
  needs: ['image'],
  adds: ['cls', 'patches'],
  example: { dataset: 'portraits', stride: 8 },
  input: z.strictObject({
    encoder: z.enum(['dct']).default('dct').describe('dct: low-frequency cosine coefficients, built in'),
    stride: z.int().min(1).max(256).default(8).describe('pixels per patch; divides both sides of every bucket'),
  }),
  encoders: ({ encoder, stride }) => ({
    cls: { name: encoder, dim: DCT_CLS_DIM },
    patches: { name: encoder, dim: DCT_PATCH_DIM, stride },
  }),
  async run(ctx, { items, columns }, { stride }) {
    const images = new Map<string, Uint8Array>();
    for (const { id } of items) {
      const image = columns.image?.get(memberName('image', id));
      if (image) images.set(id, image);
    }
    const input: DctPageInput = { stride, images };
    const { cls, patches } = await ctx.task<DctPageOutput>('encode-dct-page', input);
    return { members: cls, also: { patches } };
  },
});
