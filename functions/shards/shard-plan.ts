/** @file The plan of one shard: its samples in order, and the columns that have their signals. */
import { z } from 'zod';
import { COLUMN_NAMES } from '../../configs/signals.ts';
import { digestSchema, itemSchema, splitSchema } from '../../storage/records.ts';

const sampleSchema = itemSchema
  .pick({ id: true, name: true, cluster: true, width: true, height: true, attributes: true })
  .extend({
    /** Which of the plan's pages has it. */
    page: z.int().nonnegative(),
    /** Its place among the items of its page. */
    place: z.int().nonnegative(),
  });
export type PlannedSample = z.infer<typeof sampleSchema>;

export const shardPlanSchema = z.strictObject({
  v: z.literal(1),
  kind: z.literal('shard-plan'),
  split: splitSchema,
  /** Pixels of every picture. */
  bucket: z.strictObject({ width: z.int().positive(), height: z.int().positive() }),
  /** By signal, the encoder that made it. */
  encoders: z.record(z.string(), z.record(z.string(), z.json())),
  pages: z.array(
    z.strictObject({
      /** Its number in the dataset. */
      page: z.int().nonnegative(),
      columns: z.partialRecord(z.enum(COLUMN_NAMES), digestSchema),
    }),
  ),
  samples: z.array(sampleSchema),
  links: z.array(digestSchema),
});
export type ShardPlan = z.infer<typeof shardPlanSchema>;

/** The folder of a shard below `shards/`. Train lies where the loader of the original project looks for shards. */
export function folderOf({ split, bucket }: Pick<ShardPlan, 'split' | 'bucket'>): string {
  const name = `bucket_${bucket.width}x${bucket.height}`;
  return split === 'train' ? name : `${split}/${name}`;
}

export function shardName(number: number): string {
  return `shard-${String(number).padStart(6, '0')}.tar`;
}
