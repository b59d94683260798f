/** @file Draws the poses of a page of a dataset over its pictures, as one JPEG. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { decodeNpy } from '../formats/npy.ts';
import { readItems } from '../storage/blobs/items.ts';
import { openColumn } from '../storage/blobs/read-column.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { drawPose, LEAST_CONFIDENCE } from './pictures/draw-pose.ts';
import { composeJpeg, encodePng, IMAGE_TOOLS, scaleToFit } from './pictures/image.ts';
import { readPixels } from './pictures/planar.ts';

const COLUMNS = 8;
/** Pixels of the square that a picture is fitted into, and between two of them. */
const CELL = 256;
const GAP = 4;

const DIGEST = 'sha256:0000000000000000000000000000000000000000000000000000000000000000';

export const poseSheet = defineFunction({
  name: 'pose-sheet',
  summary: 'Draws the poses of a page over its pictures: body, feet, face and hands in their colours, as one JPEG.',
  version: 1,
  kind: 'pure',
  tools: IMAGE_TOOLS,
  example: { items: DIGEST, image: DIGEST, pose: DIGEST },
  input: z.strictObject({
    items: digestSchema.describe('the items of the page'),
    image: digestSchema.describe('its column image'),
    pose: digestSchema.describe('its column pose'),
    threshold: z.number().min(0).max(1).default(LEAST_CONFIDENCE).describe('less sure joints are not drawn'),
  }),
  async run(ctx, { items: digest, image, pose, threshold }) {
    const items = await readItems(ctx.blobs, { items: digest });
    const [pictures, poses] = [await openColumn(ctx.blobs, image), await openColumn(ctx.blobs, pose)];
    const rows = Math.ceil(items.length / COLUMNS);
    const placed = [];
    for (const [i, { id }] of items.entries()) {
      ctx.signal.throwIfAborted();
      const npy = await pictures.read(memberName('image', id));
      if (npy === undefined) continue;
      const joints = await poses.read(memberName('pose', id));
      const scaled = await scaleToFit(readPixels(npy), CELL);
      const fitted = joints ? drawPose(scaled, decodeNpy(joints).data, threshold) : scaled;
      const left = GAP + (i % COLUMNS) * (CELL + GAP) + Math.floor((CELL - fitted.width) / 2);
      const top = GAP + Math.floor(i / COLUMNS) * (CELL + GAP) + Math.floor((CELL - fitted.height) / 2);
      placed.push({ png: await encodePng(fitted), left, top });
    }
    const width = GAP + Math.min(COLUMNS, items.length) * (CELL + GAP);
    const sheet = await composeJpeg({ width, height: GAP + rows * (CELL + GAP) }, placed);
    return { outputs: { image: await ctx.blobs.put(sheet, 'image/jpeg') }, stats: { pictures: placed.length } };
  },
});
