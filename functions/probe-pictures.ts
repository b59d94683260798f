/** @file Reads from drawn pictures of a bundled set whether they show what they should. */
import { z } from 'zod';
import type { ShownAttributes } from '../configs/evaluation.ts';
import { memberName } from '../configs/signals.ts';
import { decodeNpy } from '../formats/npy.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import { openColumn } from '../storage/blobs/read-column.ts';
import type { Digest } from '../storage/digest.ts';
import { digestSchema, type Item } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { defineFunction } from './define.ts';
import { readPictures } from './evaluation/describe-pictures.ts';
import { findProbe } from './evaluation/probes.ts';
import { type JointScore, scoreFigure } from './evaluation/score-joints.ts';
import { toInterleaved } from './pictures/planar.ts';

export const probePictures = defineFunction({
  name: 'probe-pictures',
  summary:
    'Reads attributes and joints from the pixels of pictures of a bundled set, and counts those that are as the ' +
    'dataset says. Output shown (JSON); without attributes for other pictures.',
  version: 2,
  kind: 'pure',
  digests: { dataset: 'dataset', pictures: 'blob' },
  example: { dataset: 'portraits', pictures: `sha256:${'0'.repeat(64)}` },
  input: z.strictObject({
    dataset: digestSchema.describe('has what the pictures should show, by their ids'),
    pictures: digestSchema.describe('column of pictures: what draw or control-pictures made'),
  }),
  async run(ctx, { dataset, pictures: column }) {
    const pictures = readPictures(await ctx.blobs.get(column));
    const wanted = await findWanted(ctx.blobs, dataset, new Set(pictures.map(({ id }) => id)));
    const attributes: Record<string, { right: number; of: number }> = {};
    const joints: JointScore[] = [];
    for (const { id, picture } of pictures) {
      const probe = findProbe(wanted.get(id)?.item.attributes);
      const pixels = toInterleaved(picture);
      const shown = probe?.read(pixels);
      if (probe === undefined) continue;
      for (const [name, value] of Object.entries(probe.wanted)) {
        const count = attributes[name] ?? { right: 0, of: 0 };
        attributes[name] = { right: count.right + (shown?.[name] === value ? 1 : 0), of: count.of + 1 };
      }
      const pose = wanted.get(id)?.pose;
      if (probe.set !== 'figures' || pose === undefined || shown === undefined) continue;
      joints.push(scoreFigure(pixels, pose));
    }
    const document: ShownAttributes = {
      ...{ v: 1, kind: 'shown-attributes', pictures: column, attributes },
      ...(joints.length > 0 && { joints }),
      links: [],
    };
    return { outputs: { shown: await putDocument(ctx.blobs, document) } };
  },
});

interface Wanted {
  readonly item: Item;
  /** [133, (x, y, confidence)]. */
  readonly pose: Float32Array | undefined;
}

/** What the dataset says of these pictures. */
async function findWanted(
  blobs: BlobStore,
  dataset: Digest,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Wanted>> {
  const found = new Map<string, Wanted>();
  for (const page of (await readDataset(blobs, dataset)).pages) {
    const items = (await readItems(blobs, page)).filter(({ id }) => ids.has(id));
    if (items.length === 0) continue;
    const poses = page.columns.pose && (await openColumn(blobs, page.columns.pose));
    for (const item of items) {
      const member = await poses?.read(memberName('pose', item.id));
      const array = member && decodeNpy(member);
      found.set(item.id, { item, pose: array?.dtype === 'f32' ? array.data : undefined });
    }
  }
  return found;
}
