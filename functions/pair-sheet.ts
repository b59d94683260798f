/** @file Draws pairs of pictures from columns, left and right, as one PNG. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { openColumn } from '../storage/blobs/read-column.ts';
import type { Digest } from '../storage/digest.ts';
import { digestSchema } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { defineFunction } from './define.ts';
import { publishPng } from './execution/publish-png.ts';
import { readMember } from './experiments/page-pictures.ts';
import { composePng, encodePng, IMAGE_TOOLS } from './pictures/image.ts';
import { toInterleaved } from './pictures/planar.ts';
import { layOutSheet } from './pictures/sheet-layout.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const pictureSchema = z.strictObject({
  pictures: digestSchema.describe('column of pictures'),
  id: z.string().regex(/^[0-9a-f]{16}$/),
});
const EXAMPLE = { pictures: DIGEST, id: '0123456789abcdef' };

export const pairSheet = defineFunction({
  name: 'pair-sheet',
  summary: 'Draws pairs of pictures from columns beside each other, with a text below each pair, as PNG.',
  version: 2,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  example: { title: 'Nearest training pictures', pairs: [{ left: EXAMPLE, right: EXAMPLE, label: '0.2' }] },
  input: z.strictObject({
    title: z.string().max(300).default(''),
    pairs: z
      .array(z.strictObject({ left: pictureSchema, right: pictureSchema, label: z.string().max(500).default('') }))
      .min(1)
      .max(100),
    columns: z.int().min(1).max(16).default(5).describe('pairs in a row'),
    cell: z.int().min(16).max(512).default(128).describe('pixels of a side of a picture'),
  }),
  async run(ctx, { title, pairs, columns, cell }) {
    const cells = pairs.flatMap(({ label }) => [{ label }, { label: '' }]);
    const { svg, places } = layOutSheet({ title, columns: 2 * columns, cell, rowLabels: [], cells });
    const placed = [];
    for (const [i, { pictures, id }] of pairs.flatMap(({ left, right }) => [left, right]).entries()) {
      const place = places[i];
      if (place === undefined) continue;
      placed.push({ ...place, png: await readPng(ctx.blobs, pictures, id), width: cell, height: cell });
    }
    return { outputs: { image: await publishPng(ctx, await composePng(svg, placed)) } };
  },
});

async function readPng(blobs: BlobStore, pictures: Digest, id: string): Promise<Uint8Array> {
  const column = await openColumn(blobs, pictures);
  return encodePng(toInterleaved(readMember(id, await column.read(memberName('image', id)))));
}
