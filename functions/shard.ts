/** @file Exports a dataset as WebDataset shards, per split and size, into its view. */
import { z } from 'zod';
import { Internal } from '../errors.ts';
import { putDocument, readDataset } from '../storage/blobs/document-blobs.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import { mapBounded } from '../storage/map-bounded.ts';
import { nameSchema, type Shards, splitSchema } from '../storage/records.ts';
import { moveDatasetHead, requireDatasetHead } from './datasets/dataset-head.ts';
import { defineFunction } from './define.ts';
import { planShards } from './shards/plan-shards.ts';
import { completeShardOptions, shardShape } from './shards/shard-options.ts';
import { folderOf, type ShardPlan, shardName } from './shards/shard-plan.ts';
import { writeDatasetView } from './views/dataset-view.ts';

/** Tars in work at once. */
const WIDTH = 2;
/** A blob has at most a gibibyte. */
const MOST_BYTES = 2 ** 30;
const LEAST_BYTES = 2 ** 12;

export const shard = defineFunction({
  name: 'shard',
  summary:
    'Exports a prepared dataset as WebDataset tars, per split and size, into its view: ' +
    'datasets/NAME/shards/bucket_64x64/shard-000000.tar.',
  version: 1,
  kind: 'effect',
  example: { dataset: 'portraits', pixels: 'float16', text: 'padded' },
  input: z.strictObject({
    dataset: nameSchema.describe('name of the dataset'),
    ...shardShape,
    splits: z
      .array(splitSchema)
      .min(1)
      .default(['train', 'val', 'test'])
      .describe('train lies in bucket_*/, val and test in val/bucket_*/ and test/bucket_*/'),
    max_bytes: z
      .int()
      .min(LEAST_BYTES)
      .max(MOST_BYTES)
      .default(2 ** 29)
      .describe('most bytes of a tar'),
    max_samples: z.int().min(1).max(100_000).default(1000).describe('most pictures of a tar'),
  }),
  key: input => canonicalJson(input),
  async run(ctx, { dataset: name, splits, max_bytes: maxBytes, max_samples: maxSamples, ...given }) {
    const head = await requireDatasetHead(ctx.store, name);
    const { dataset: digest } = head.value;
    const dataset = await readDataset(ctx.blobs, digest);
    const options = completeShardOptions(given);
    const total = dataset.pages.length;
    const plans = await planShards(ctx.blobs, dataset, options, { maxBytes, maxSamples, splits }, done => {
      ctx.signal.throwIfAborted();
      ctx.progress({ phase: 'plan', done, total, unit: 'pages' });
    });
    let done = 0;
    let cached = 0;
    const files = await mapBounded(nameShards(plans), { width: WIDTH, signal: ctx.signal }, async ({ plan, file }) => {
      const { digest: planned } = await putDocument(ctx.blobs, plan);
      const { cache, result } = await ctx.call('pack-shard', { plan: planned, ...options }, { onEvent: () => {} });
      const { tar } = result.outputs;
      if (tar === undefined) throw new Internal('pack-shard made no tar');
      if (cache === 'hit') cached++;
      ctx.progress({ phase: 'shard', done: ++done, total: plans.length, unit: 'tars' });
      return { file, digest: tar.digest, size: tar.size, samples: plan.samples.length };
    });
    const shards: Shards = {
      v: 1,
      kind: 'shards',
      dataset: digest,
      options: { ...options },
      files,
      links: [...new Set(files.map(each => each.digest))],
    };
    const { digest: manifest } = await putDocument(ctx.blobs, shards);
    await moveDatasetHead(ctx.store, name, head, { ...head.value, shards: { of: digest, manifest } });
    await writeDatasetView(ctx, name);
    const sum = (key: 'size' | 'samples') => files.reduce((all, each) => all + each[key], 0);
    return {
      v: 1,
      dataset: name,
      digest,
      folder: `datasets/${name}/shards/`,
      ...options,
      tars: { total: files.length, computed: files.length - cached, cached },
      samples: sum('samples'),
      bytes: sum('size'),
      files,
    } satisfies Json;
  },
});

/** Each plan with its file below `shards/`. */
function nameShards(plans: readonly ShardPlan[]): { readonly plan: ShardPlan; readonly file: string }[] {
  const counts = new Map<string, number>();
  return plans.map(plan => {
    const folder = folderOf(plan);
    const number = counts.get(folder) ?? 0;
    counts.set(folder, number + 1);
    return { plan, file: `${folder}/${shardName(number)}` };
  });
}
