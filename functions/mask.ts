/** @file Makes the weights of regions: scales and crops the mask of each picture as the picture was. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Internal } from '../errors.ts';
import { encodeNpy, readNpyHeader } from '../formats/npy.ts';
import { parseCropRecord } from './datasets/crop-record.ts';
import { definePageFunction } from './define.ts';
import { coverRgb, IMAGE_TOOLS, windowRgb } from './pictures/image.ts';
import { NO_LIMITS } from './pictures/limits.ts';

const CHANNELS = 3;

export const mask = definePageFunction({
  name: 'mask',
  summary: 'Scales and crops the masks of pictures as `bucket` did the pictures. Stores uint8 [height, width].',
  version: 1,
  tools: IMAGE_TOOLS,
  needs: ['image'],
  uses: ['crop'],
  adds: ['mask'],
  example: { dataset: 'portraits' },
  input: z.strictObject({}),
  async run(ctx, { items, columns }) {
    const members = await Promise.all(
      items.map(async ({ id, name, mask: digest }) => {
        const image = columns.image?.get(memberName('image', id));
        if (digest === undefined || image === undefined) return [];
        const [, height, width] = readNpyHeader(image).shape;
        if (height === undefined || width === undefined)
          throw new Internal(`the image of "${name}" (${id}) has no size`);
        const record = columns.crop?.get(memberName('crop', id));
        const window = record && parseCropRecord(record);
        const bytes = await ctx.blobs.get(digest);
        // About the centre as without a record, to the bit.
        const isCentred = window === undefined || window.crop === 'centre';
        const { data } = isCentred ? await coverRgb(bytes, width, height, NO_LIMITS) : await windowRgb(bytes, window);
        // The red channel, as sd-scripts does.
        const red = Uint8Array.from({ length: height * width }, (_, i) => data[CHANNELS * i] ?? 0);
        return [[memberName('mask', id), encodeNpy({ dtype: 'u8', shape: [height, width], data: red })] as const];
      }),
    );
    return { columns: { mask: new Map(members.flat()) } };
  },
});
