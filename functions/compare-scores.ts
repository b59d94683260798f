/** @file Differences between the scores of the same pictures, with how sure they are. */
import { z } from 'zod';
import { MEASURE_NAMES, pictureScoresSchema, type ScoreDifferences } from '../configs/picture-scores.ts';
import { InvalidInput } from '../errors.ts';
import { pairedBootstrap } from '../metrics/bootstrap.ts';
import { putDocument, readDocument } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';

export const compareScores = defineFunction({
  name: 'compare-scores',
  summary:
    'Compares scores of the same pictures: the mean of a - b of each measure with its interval of 95 % (paired ' +
    'bootstrap). Output differences (JSON).',
  version: 1,
  kind: 'pure',
  digests: { a: 'blob', b: 'blob' },
  example: { a: `sha256:${'0'.repeat(64)}`, b: `sha256:${'1'.repeat(64)}` },
  input: z.strictObject({
    a: digestSchema.describe('output scores of score-pictures'),
    b: digestSchema.describe('the same of other pictures of the same ids'),
  }),
  async run(ctx, { a, b }) {
    const read = (digest: typeof a) =>
      readDocument(ctx.blobs, digest, pictureScoresSchema, 'scores, as score-pictures makes them');
    const [one, other] = [await read(a), await read(b)];
    const places = new Map(other.ids.map((id, i) => [id, i]));
    const pairs = one.ids.flatMap((id, i) => {
      const j = places.get(id);
      return j === undefined ? [] : [[i, j] as const];
    });
    if (pairs.length === 0) throw new InvalidInput('the two have no picture in common');
    const measures: Record<string, ScoreDifferences['measures'][(typeof MEASURE_NAMES)[number]]> = {};
    for (const measure of MEASURE_NAMES) {
      const [x, y] = [one.values[measure], other.values[measure]];
      if (x === undefined || y === undefined) continue;
      const told = pairs.flatMap(([i, j]) => {
        const [first, second] = [x[i] ?? null, y[j] ?? null];
        return first === null || second === null ? [] : [{ first, second }];
      });
      if (told.length === 0) continue;
      const differences = pairedBootstrap(
        told.map(({ first }) => first),
        told.map(({ second }) => second),
      );
      measures[measure] = { n: told.length, ...differences };
    }
    const document: ScoreDifferences = { v: 1, kind: 'score-differences', measures, links: [] };
    return { outputs: { differences: await putDocument(ctx.blobs, document) } };
  },
});
