/** @file Makes the column of joints from those that the set knows, where the pictures are cropped. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Internal } from '../errors.ts';
import { readNpyHeader } from '../formats/npy.ts';
import type { Item } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { parseCropRecord, readJoints, writeJoints } from './datasets/crop-record.ts';
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
    const archives = new Map<string, Promise<Uint8Array>>();
    const members = await Promise.all(
      items.map(async item => {
        const image = columns.image?.get(memberName('image', item.id));
        const bytes = await readPose(ctx.blobs, item, archives);
        if (bytes === undefined || image === undefined) return [];
        const [, height = 0, width = 0] = readNpyHeader(image).shape;
        const record = columns.crop?.get(memberName('crop', item.id));
        const window = record ? parseCropRecord(record) : centreWindow({ width, height }, requireSize(item));
        return [[memberName('pose', item.id), writeJoints(readJoints(bytes, undefined), window)] as const];
      }),
    );
    return { columns: { pose: new Map(members.flat()) } };
  },
});

/** Reads each archive once. */
async function readPose(
  blobs: BlobStore,
  { pose: slice }: Item,
  archives: Map<string, Promise<Uint8Array>>,
): Promise<Uint8Array | undefined> {
  if (slice === undefined) return undefined;
  const reading = archives.get(slice.archive) ?? blobs.get(slice.archive);
  archives.set(slice.archive, reading);
  return (await reading).subarray(slice.offset, slice.offset + slice.size);
}

function requireSize({ id, name, width, height }: Item): { readonly width: number; readonly height: number } {
  if (width === undefined || height === undefined) throw new Internal(`"${name}" (${id}) has no size`);
  return { width, height };
}
