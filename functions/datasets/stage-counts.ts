/** @file Counts how much of a stage was computed, and how much came from the cache. */
import { z } from 'zod';
import type { Dataset } from '../../storage/records.ts';
import type { CallAnswer } from '../define.ts';

const countsSchema = z.strictObject({ total: z.int(), computed: z.int(), cached: z.int() });

export interface StageCounts {
  readonly pages: { readonly total: number; readonly computed: number; readonly cached: number };
  readonly items: { readonly total: number; readonly computed: number; readonly cached: number };
}

/** On a cache hit, nothing counts as computed. A stage without page actions counts all pages of the dataset. */
export function stageCounts({ cache, result }: CallAnswer, made: Dataset): StageCounts {
  const pages = countsSchema.safeParse(result.stats.pages).data;
  const items = countsSchema.safeParse(result.stats.items).data;
  const totals = { pages: pages?.total ?? made.pages.length, items: items?.total ?? made.counts.pictures ?? 0 };
  if (cache === 'miss' && pages && items) return { pages, items };
  const count = (total: number) =>
    cache === 'hit' ? { total, computed: 0, cached: total } : { total, computed: total, cached: 0 };
  return { pages: count(totals.pages), items: count(totals.items) };
}
