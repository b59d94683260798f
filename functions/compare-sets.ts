/** @file Compares a set of drawn pictures with real ones by their features. */
import { z } from 'zod';
import { type SetComparison, setComparisonSchema } from '../configs/evaluation.ts';
import { Unprocessable } from '../errors.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import { digestSchema } from '../storage/records.ts';
import { defineFunction } from './define.ts';
import type { ComparedFeatures, CompareFeaturesTask } from './evaluation/compare-features.ts';
import { type FeatureSet, readFeatures, readTraining, rowsAlone, takeRows } from './evaluation/feature-sets.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const indexes = z.array(digestSchema).min(1).max(65_536);

export const compareSets = defineFunction({
  name: 'compare-sets',
  summary:
    'Compares drawn pictures with training pictures by their features: kernel distance (KID), Frechet distance, ' +
    'precision, recall, density, coverage; and with the held-out pictures that they should show. Output comparison ' +
    '(JSON).',
  version: 1,
  kind: 'pure',
  digests: { dataset: 'dataset' },
  example: { dataset: 'portraits', real: [DIGEST], drawn: [DIGEST] },
  input: z.strictObject({
    dataset: digestSchema,
    real: indexes.describe('outputs index of features of the pages of the dataset'),
    drawn: indexes.describe('the same of the columns of drawn pictures'),
    most: z.int().min(2).max(10_000).default(5000).describe('training pictures, evenly spread over all'),
    k: z.int().min(1).max(100).default(5).describe('neighbours that make the manifold of a set'),
    subsets: z.int().min(1).max(1000).default(100).describe('subsets for the spread of KID'),
    seed: z
      .int()
      .nonnegative()
      .max(2 ** 31)
      .default(0),
  }),
  async run(ctx, { dataset, real: realIndexes, drawn: drawnIndexes, most, k, subsets, seed }) {
    const real = await readTraining(ctx.blobs, dataset, realIndexes, most);
    const drawn = await readFeatures(ctx.blobs, drawnIndexes);
    for (const [name, set] of Object.entries({ real, drawn })) {
      if (set.ids.length < 2) {
        throw new Unprocessable(`${name}: ${set.ids.length} pictures are too few to compare`, {
          expected: 'at least 2 training pictures and 2 drawn ones',
        });
      }
    }
    const truth = await findTruth(await readFeatures(ctx.blobs, realIndexes), drawn);
    const task: CompareFeaturesTask = {
      ...{ real: rowsAlone(real), drawn: rowsAlone(drawn), ...(truth && { truth: rowsAlone(truth) }) },
      ...{ seed, subsets, k },
    };
    const { distances, ...found } = await ctx.task<ComparedFeatures>('compare-features', task);
    const document: SetComparison = setComparisonSchema.parse({
      ...{ v: 1, kind: 'set-comparison', dataset, extractor: drawn.extractor },
      ...{ real: real.ids.length, drawn: drawn.ids.length, ...found },
      ...(distances && { distances: distances.map((distance, i) => ({ id: drawn.ids[i] ?? '', distance })) }),
      links: [],
    });
    return { outputs: { comparison: await putDocument(ctx.blobs, document) } };
  },
});

/** The rows of the pictures that have the ids of the drawn ones; undefined unless all are there. */
async function findTruth(all: FeatureSet, drawn: FeatureSet): Promise<FeatureSet | undefined> {
  const places = new Map(all.ids.map((id, row) => [id, row]));
  const rows = drawn.ids.flatMap(id => places.get(id) ?? []);
  return rows.length === drawn.ids.length ? takeRows(all, rows) : undefined;
}
