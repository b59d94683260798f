/** @file The pictures with which drawn ones are compared, under the ids of the drawn ones. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Unprocessable } from '../errors.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import { openColumn } from '../storage/blobs/read-column.ts';
import type { Digest } from '../storage/digest.ts';
import { digestSchema } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { defineFunction } from './define.ts';
import { readDrawnIndex } from './experiments/drawn-index.ts';

export const counterpartPictures = defineFunction({
  name: 'counterpart-pictures',
  summary:
    'Collects the pictures that drawn ones are compared with: real ones (own), those whose look or pose was given ' +
    'instead (other), or those of another column. Output pictures (a column with the ids of the drawn ones).',
  version: 1,
  kind: 'pure',
  digests: { drawn: 'blob', dataset: 'dataset', column: 'blob' },
  example: { drawn: `sha256:${'0'.repeat(64)}`, dataset: 'portraits', of: 'own' },
  input: z
    .strictObject({
      drawn: digestSchema.describe('output index of draw'),
      dataset: digestSchema.optional().describe('own, other: has the real pictures'),
      of: z.enum(['own', 'other', 'column']).default('own'),
      column: digestSchema.optional().describe('column: pictures by the same ids, such as those of another draw'),
    })
    .refine(({ of, dataset }) => (of === 'column') === (dataset === undefined), {
      error: 'is needed by own and other, and not by column',
      path: ['dataset'],
    })
    .refine(({ of, column }) => (of === 'column') === (column !== undefined), {
      error: 'is needed by column, and by no other',
      path: ['column'],
    }),
  async run(ctx, { drawn, dataset, of, column }) {
    const { items } = await readDrawnIndex(ctx.blobs, drawn);
    const sources = items.map(({ id, other }) => ({ id, source: of === 'other' ? (other ?? '') : id }));
    const wanted = new Set(sources.map(({ source }) => source));
    const found = dataset ? await readReal(ctx.blobs, dataset, wanted) : readColumn(await ctx.blobs.get(column!));
    const members = new Map(
      sources.map(({ id, source }) => {
        const member = found.get(memberName('image', source));
        if (member) return [memberName('image', id), member] as const;
        throw new Unprocessable(`there is no picture ${source} beside the drawn picture ${id}`, {
          expected:
            of === 'other' ? 'pictures that were drawn under the condition swap or other_pose' : 'a picture of each id',
        });
      }),
    );
    const pictures = await ctx.blobs.put(packColumn(members), 'application/x-tar');
    return { outputs: { pictures }, stats: { pictures: members.size } };
  },
});

/** Members of the column `image`, by name. */
async function readReal(
  blobs: BlobStore,
  dataset: Digest,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  for (const page of (await readDataset(blobs, dataset)).pages) {
    if (found.size === ids.size) break;
    const wanted = (await readItems(blobs, page)).filter(({ id }) => ids.has(id));
    if (wanted.length === 0 || page.columns.image === undefined) continue;
    const reader = await openColumn(blobs, page.columns.image);
    for (const { id } of wanted) {
      const name = memberName('image', id);
      const member = await reader.read(name);
      if (member) found.set(name, member);
    }
  }
  return found;
}
