/** @file How far drawn pictures are from training pictures as sets, by CLIP: CMMD. */
import { z } from 'zod';
import { CLIP_NETS } from '../configs/clip.ts';
import { type ClipDistance, clipDistanceSchema } from '../configs/clip-scores.ts';
import { Unprocessable } from '../errors.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import { readFeatures, readTraining, rowsAlone } from './evaluation/feature-sets.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const indexes = z.array(digestSchema).min(1).max(65_536);

export const clipDistance = defineFunction({
  name: 'clip-distance',
  summary:
    'Compares drawn pictures with training pictures by CMMD: the distance of their features of CLIP by a Gaussian ' +
    'kernel of sigma 10, times 1000. Output distance (JSON).',
  version: 1,
  kind: 'pure',
  digests: { dataset: 'dataset' },
  example: { dataset: 'portraits', real: [DIGEST], drawn: [DIGEST] },
  input: z.strictObject({
    dataset: digestSchema,
    real: indexes.describe('outputs index of features by a CLIP, of the pages of the dataset'),
    drawn: indexes.describe('the same of the columns of drawn pictures'),
    most: z.int().min(2).max(10_000).default(2000).describe('training pictures, evenly spread over all'),
  }),
  async run(ctx, { dataset, real: realIndexes, drawn: drawnIndexes, most }) {
    const real = await readTraining(ctx.blobs, dataset, realIndexes, most);
    const drawn = await readFeatures(ctx.blobs, drawnIndexes);
    if (real.extractor !== drawn.extractor || !CLIP_NETS.some(({ name }) => name === drawn.extractor)) {
      throw new Unprocessable(`features of ${real.extractor} and ${drawn.extractor} have no CMMD`, {
        expected: `features of both by one of ${CLIP_NETS.map(({ name }) => name).join(', ')}`,
      });
    }
    if (real.ids.length === 0) throw new Unprocessable('the dataset has no training pictures among the features');
    const task = { a: rowsAlone(real), b: rowsAlone(drawn) };
    const document: ClipDistance = clipDistanceSchema.parse({
      ...{ v: 1, kind: 'clip-distance', model: drawn.extractor, real: real.ids.length, drawn: drawn.ids.length },
      ...{ cmmd: await ctx.task<number>('gaussian-distance', task), links: [] },
    });
    return { outputs: { distance: await putDocument(ctx.blobs, document) } };
  },
});
