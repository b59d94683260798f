/** @file How much nearer drawn pictures come to trained pictures than to held-out ones. */
import { z } from 'zod';
import { MEASURE_NAMES, pictureScoresSchema } from '../configs/picture-scores.ts';
import type { GapMeasures, SplitGap } from '../configs/split-gap.ts';
import { putDocument, readDocument } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction, type FunctionContext } from './define.ts';
import type { CompareSplitScoresTask } from './evaluation/compare-split-scores.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const scores = z.array(digestSchema).min(1).max(65_536);

export const compareSplits = defineFunction({
  name: 'compare-splits',
  summary:
    'Compares scores of pictures that were drawn from conditions of trained pictures with scores of those from ' +
    'held-out ones: the mean of each measure, and the difference with its interval of 95 % (bootstrap). Output gap ' +
    '(JSON).',
  version: 1,
  kind: 'pure',
  example: { train: [DIGEST], held_out: [DIGEST] },
  input: z.strictObject({
    train: scores.describe('outputs scores of score-pictures, against the trained pictures of the conditions'),
    held_out: scores.describe('the same of held-out pictures'),
  }),
  async run(ctx, { train, held_out }) {
    const task: CompareSplitScoresTask = {
      train: await readScores(ctx, train),
      heldOut: await readScores(ctx, held_out),
    };
    const measures = await ctx.task<GapMeasures>('compare-split-scores', task);
    const document: SplitGap = { v: 1, kind: 'split-gap', measures, links: [] };
    return { outputs: { gap: await putDocument(ctx.blobs, document) } };
  },
});

/** Of all documents together, without pictures that lack a measure. */
async function readScores(
  { blobs }: FunctionContext,
  digests: readonly Digest[],
): Promise<CompareSplitScoresTask['train']> {
  const found: Record<string, number[]> = {};
  for (const digest of digests) {
    const { values } = await readDocument(blobs, digest, pictureScoresSchema, 'scores, as score-pictures makes them');
    for (const measure of MEASURE_NAMES) {
      const told = (values[measure] ?? []).flatMap(value => value ?? []);
      if (told.length > 0) found[measure] = [...(found[measure] ?? []), ...told];
    }
  }
  return found;
}
