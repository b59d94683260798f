/** @file Reads from drawn pictures of a bundled set whether they show what they should. */
import { z } from 'zod';
import type { ShownAttributes } from '../configs/evaluation.ts';
import type { JointScore } from '../configs/pose-scores.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { readPictures } from './evaluation/describe-pictures.ts';
import { findProbe } from './evaluation/probes.ts';
import { scoreFigure } from './evaluation/score-joints.ts';
import { readWanted } from './evaluation/wanted.ts';
import { toInterleaved } from './pictures/planar.ts';

export const probePictures = defineFunction({
  name: 'probe-pictures',
  summary:
    'Reads attributes and joints from the pixels of pictures of a bundled set, and counts those that are as the ' +
    'dataset says. Output shown (JSON); without attributes for other pictures.',
  version: 4,
  kind: 'pure',
  digests: { dataset: 'dataset', pictures: 'blob' },
  example: { dataset: 'portraits', pictures: `sha256:${'0'.repeat(64)}` },
  input: z.strictObject({
    dataset: digestSchema.describe('has what the pictures should show, by their ids'),
    pictures: digestSchema.describe('column of pictures: what draw or control-pictures made'),
  }),
  async run(ctx, { dataset, pictures: column }) {
    const pictures = readPictures(await ctx.blobs.get(column));
    const wanted = await readWanted(ctx.blobs, dataset, new Set(pictures.map(({ id }) => id)));
    const attributes: Record<string, { right: number; of: number }> = {};
    const joints: ({ readonly id: string } & JointScore)[] = [];
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
      joints.push({ id, ...scoreFigure(pixels, pose) });
    }
    const document: ShownAttributes = {
      ...{ v: 1, kind: 'shown-attributes', pictures: column, attributes },
      ...(joints.length > 0 && { joints }),
      links: [],
    };
    return { outputs: { shown: await putDocument(ctx.blobs, document) } };
  },
});
