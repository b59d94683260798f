/** @file Says which sizes have so few pictures that a group of one size stays half empty: they cost time. */
import { quantity } from '../../configs/quantity.ts';
import { type DataConfig, groupSizeOf } from '../../configs/schema.ts';
import type { BucketCount, Note } from '../../storage/records.ts';

/** A note for each such size, the rarest first. Pictures of one size only need no groups (epoch-plan.ts). */
export function noteEmptyPlaces(buckets: readonly BucketCount[], data: DataConfig): Note[] {
  const trained = buckets.filter(({ train }) => train > 0);
  if (trained.length < 2) return [];
  const group = groupSizeOf(data);
  return trained
    .filter(({ train }) => train <= group / 2)
    .toSorted((a, b) => a.train - b.train)
    .map(({ width, height, train }) => {
      const text = `${quantity(train, 'picture')} of ${width} x ${height} in a group of ${group}`;
      return { code: 'empty_places', count: train, text: `${text}: ${group - train} places stay empty`, examples: [] };
    });
}
