/** @file Makes the column of joints from those that the set knows, where the pictures are cropped. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Internal } from '../errors.ts';
import { readNpyHeader } from '../formats/npy.ts';
import type { Item } from '../storage/records.ts';
import { parseCropRecord, readJoints, writeJoints } from './datasets/crop-record.ts';
import { readItemPoses } from './datasets/item-poses.ts';
import { definePageFunction } from './define.ts';
import { centreWindow } from './pictures/crop.ts';

export const pose = definePageFunction({
  name: 'pose',
  summary:
    'Takes the joints that a set gives with its pictures, as `bucket` cropped these. Stores f32 [133, (x, y, ' +
    'confidence)] in [-1, 1]; a joint that is cut off is three zeros.',
  version: 1,
  needs: ['image'],
  uses: ['crop'],
  adds: ['pose'],
  example: { dataset: 'figures' },
  input: z.strictObject({}),
  async run(ctx, { items, columns }) {
    const poses = await readItemPoses(ctx.blobs, items);
    const members = items.map(item => {
      const image = columns.image?.get(memberName('image', item.id));
      const bytes = poses.get(item.id);
      if (bytes === undefined || image === undefined) return [];
      const [, height = 0, width = 0] = readNpyHeader(image).shape;
      const record = columns.crop?.get(memberName('crop', item.id));
      const window = record ? parseCropRecord(record) : centreWindow({ width, height }, requireSize(item));
      return [[memberName('pose', item.id), writeJoints(readJoints(bytes, undefined), window)] as const];
    });
    return { columns: { pose: new Map(members.flat()) } };
  },
});

function requireSize({ id, name, width, height }: Item): { readonly width: number; readonly height: number } {
  if (width === undefined || height === undefined) throw new Internal(`"${name}" (${id}) has no size`);
  return { width, height };
}
