/** @file The pictures of a column as PNG files. */
import { z } from 'zod';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { readPictures } from './evaluation/describe-pictures.ts';
import { publishPng } from './execution/publish-png.ts';
import { encodePng, IMAGE_TOOLS } from './pictures/image.ts';
import { toInterleaved } from './pictures/planar.ts';

export const pictureFiles = defineFunction({
  name: 'picture-files',
  summary: 'Writes each picture of a column as PNG. Outputs image_000 ... in the order of the column.',
  version: 1,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  digests: { pictures: 'blob' },
  example: { pictures: `sha256:${'0'.repeat(64)}` },
  input: z.strictObject({ pictures: digestSchema.describe('column of pictures, as draw makes it') }),
  async run(ctx, { pictures }) {
    const found = readPictures(await ctx.blobs.get(pictures));
    const outputs = await Promise.all(
      found.map(async ({ picture }, i) => {
        const png = await publishPng(ctx, await encodePng(toInterleaved(picture)));
        return [`image_${String(i).padStart(3, '0')}`, png] as const;
      }),
    );
    return { outputs: Object.fromEntries(outputs), stats: { pictures: found.length } };
  },
});
