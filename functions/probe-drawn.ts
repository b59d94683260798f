/** @file Whether drawn pictures of a bundled set show what they should: what was edited, and what was to stay. */
import { z } from 'zod';
import { drawnAttributesSchema } from '../configs/drawn-attributes.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import type { Digest } from '../storage/digest.ts';
import { digestSchema, type Item } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { defineFunction } from './define.ts';
import { readPictures } from './evaluation/describe-pictures.ts';
import { findProbe } from './evaluation/probes.ts';
import { readDrawnIndex } from './experiments/drawn-index.ts';
import { toInterleaved } from './pictures/planar.ts';

interface Count {
  right: number;
  of: number;
}

export const probeDrawn = defineFunction({
  name: 'probe-drawn',
  summary:
    'Reads attributes from the pixels of drawn pictures of a bundled set: whether an edit changed its attribute and ' +
    'left the others, and whether a picture follows its own attributes or those of the one whose look it got. Output ' +
    'attributes (JSON).',
  version: 2,
  kind: 'pure',
  digests: { drawn: 'blob', dataset: 'dataset' },
  example: { drawn: `sha256:${'0'.repeat(64)}`, dataset: 'portraits' },
  input: z.strictObject({
    drawn: digestSchema.describe('output index of draw'),
    dataset: digestSchema.describe('has what the pictures should show'),
  }),
  async run(ctx, { drawn, dataset }) {
    const index = await readDrawnIndex(ctx.blobs, drawn);
    const ids = new Set(index.items.flatMap(({ id, other }) => (other === undefined ? [id] : [id, other])));
    const attributes = await readAttributes(ctx.blobs, dataset, ids);
    const pictures = new Map(
      (index.items.length === 0 ? [] : readPictures(await ctx.blobs.get(index.pictures))).map(each => [
        each.id,
        each.picture,
      ]),
    );
    const own: Record<string, Count> = {};
    const others: Record<string, Count> = {};
    const edited: Count = { right: 0, of: 0 };
    let measured = 0;
    for (const { id, other, edit } of index.items) {
      const probe = findProbe(attributes.get(id));
      const picture = pictures.get(id);
      const shown = picture && probe?.read(toInterleaved(picture));
      if (probe === undefined || shown === undefined) continue;
      measured++;
      const { name: changed, value } = edit?.attribute ?? {};
      for (const [name, wanted] of Object.entries(probe.wanted)) {
        if (name === changed) count(edited, shown[name] === value);
        else countIn(own, name, shown[name] === wanted);
      }
      const ofOther = other === undefined ? undefined : findProbe(attributes.get(other));
      for (const [name, wanted] of Object.entries(ofOther?.wanted ?? {})) {
        // Where both should show the same, nothing tells whom the picture follows.
        if (probe.wanted[name] !== wanted) countIn(others, name, shown[name] === wanted);
      }
    }
    const document = drawnAttributesSchema.parse({
      ...{ v: 1, kind: 'drawn-attributes', measured, own },
      ...(edited.of > 0 && { edited }),
      ...(Object.keys(others).length > 0 && { other: others }),
      links: [],
    });
    return { outputs: { attributes: await putDocument(ctx.blobs, document) }, stats: { measured } };
  },
});

function countIn(counts: Record<string, Count>, name: string, isRight: boolean): void {
  const into = counts[name] ?? { right: 0, of: 0 };
  counts[name] = into;
  count(into, isRight);
}

function count(into: Count, isRight: boolean): void {
  into.of++;
  if (isRight) into.right++;
}

async function readAttributes(
  blobs: BlobStore,
  dataset: Digest,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Item['attributes']>> {
  const found = new Map<string, Item['attributes']>();
  for (const page of (await readDataset(blobs, dataset)).pages) {
    for (const { id, attributes } of await readItems(blobs, page)) if (ids.has(id)) found.set(id, attributes);
    if (found.size === ids.size) break;
  }
  return found;
}
