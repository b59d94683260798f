/**
 * @file How much nearer drawn pictures come to trained pictures than to held-out ones, each drawn from what is said of
 * it. A model that remembers its pictures draws them better than others.
 */
import { type GapMeasures, splitGapSchema } from '../../../configs/split-gap.ts';
import { Unprocessable } from '../../../errors.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Json } from '../../../storage/canonical.ts';
import type { Digest } from '../../../storage/digest.ts';
import type { EngineSpec } from '../../../storage/records.ts';
import { outputOf } from '../../execution/output-of.ts';
import { type DrawnSet, describeColumns, type ReadyExtractor, type SetContext } from './draw-set.ts';
import { type InstalledLpips, lpipsDistances } from './lpips-distances.ts';

/** Columns of each set that are compared: they have up to 64 pictures each. */
const COLUMNS = 4;

export interface PictureGapPlan {
  readonly dataset: Digest;
  readonly engine: EngineSpec;
  /** Drawn from conditions of trained pictures. */
  readonly train: DrawnSet;
  /** Drawn from conditions of held-out pictures. */
  readonly heldOut: DrawnSet;
  readonly extractor: ReadyExtractor;
  /** A text says why no net compares the pictures. */
  readonly lpips: InstalledLpips | string;
}

export interface PictureGap {
  readonly measures: GapMeasures;
  readonly no_lpips?: string;
}

export async function measurePictureGap(ctx: SetContext, plan: PictureGapPlan): Promise<PictureGap> {
  try {
    return await compareDrawn(ctx, plan);
  } catch (error) {
    // Such as pictures too small for the net: the other measures are made without it.
    if (!(error instanceof Unprocessable) || typeof plan.lpips === 'string') throw error;
    return compareDrawn(ctx, { ...plan, lpips: error.message });
  }
}

async function compareDrawn(ctx: SetContext, plan: PictureGapPlan): Promise<PictureGap> {
  const train = await scoreSet(ctx, plan, plan.train);
  const heldOut = await scoreSet(ctx, plan, plan.heldOut);
  const gap = outputOf((await ctx.call('compare-splits', { train, held_out: heldOut })).result, 'gap');
  const { measures } = await readDocument(ctx.blobs, gap, splitGapSchema, 'a gap of scores');
  return { measures, ...(typeof plan.lpips === 'string' && { no_lpips: plan.lpips }) };
}

/** Outputs `scores` of `score-pictures`, against the real pictures of the conditions. */
async function scoreSet(
  ctx: SetContext,
  { dataset, engine, extractor, lpips }: PictureGapPlan,
  { columns, indexes }: DrawnSet,
): Promise<Digest[]> {
  const scores: Digest[] = [];
  for (const [i, drawn] of indexes.slice(0, COLUMNS).entries()) {
    const pictures = columns[i];
    if (pictures === undefined) continue;
    const own = { drawn, dataset, of: 'own' };
    const against = outputOf((await ctx.call('counterpart-pictures', own)).result, 'pictures');
    const [a, b] = await describeColumns(ctx, extractor, [pictures, against], engine);
    const body: Record<string, Json> = { pictures, against };
    if (a !== undefined && b !== undefined) body.features = [{ pictures: a, against: b }];
    if (typeof lpips !== 'string') body.lpips = await lpipsDistances(ctx, lpips, { a: pictures, b: against, engine });
    scores.push(outputOf((await ctx.call('score-pictures', body)).result, 'scores'));
    ctx.progress({ phase: 'gap', done: i + 1, total: Math.min(COLUMNS, columns.length), unit: 'columns' });
  }
  return scores;
}
