/** @file Measures each picture and its caption: numbers by which a picture may be left out. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Internal } from '../errors.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { parseScores, recordCuration } from './curation/curation-record.ts';
import type { PixelMeasures } from './curation/measure-pixels.ts';
import { parseCropRecord } from './datasets/crop-record.ts';
import { readOriginals } from './datasets/originals.ts';
import { definePageFunction } from './define.ts';
import { captionOf } from './import/refuse-uncaptioned.ts';
import { fitRgb, IMAGE_TOOLS } from './pictures/image.ts';

export const curate = definePageFunction({
  name: 'curate',
  summary:
    'Measures each picture: size, sharpness, exposure, what the crop costs, length and language of its caption. ' +
    '`select` leaves pictures out by these numbers.',
  version: 1,
  tools: IMAGE_TOOLS,
  needs: [],
  uses: ['crop', 'caption', 'scores'],
  adds: ['curate'],
  example: { dataset: 'portraits' },
  input: z.strictObject({
    side: z
      .int()
      .min(16)
      .max(4096)
      .default(512)
      .describe('longer side in pixels at which sharpness and exposure are measured; smaller pictures keep theirs'),
  }),
  async run(ctx, { items, columns }, { side }) {
    const originals = await readOriginals(ctx.blobs, items);
    const members = await Promise.all(
      items.map(async item => {
        const { id, name } = item;
        const bytes = originals.get(id);
        if (bytes === undefined) throw new Internal(`"${name}" (${id}) has no original`);
        const pixels = await ctx.task<PixelMeasures>('measure-pixels', await fitRgb(bytes, side));
        const crop = columns.crop?.get(memberName('crop', id));
        const scores = columns.scores?.get(memberName('scores', id));
        const text = columns.caption?.get(memberName('caption', id));
        const record = recordCuration(item, {
          pixels,
          crop: crop && parseCropRecord(crop),
          scores: scores && parseScores(scores),
          caption: columns.caption ? Buffer.from(text ?? '').toString('utf8') : captionOf(item),
        });
        return [memberName('curate', id), Buffer.from(canonicalJson(record))] as const;
      }),
    );
    return { columns: { curate: new Map(members) } };
  },
});
