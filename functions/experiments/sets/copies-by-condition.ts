/** @file Looks for copies among the pictures that a checkpoint draws under one condition, by pure calls. */
import type { ConditionName } from '../../../configs/drawn-conditions.ts';
import { type CopiesFound, copiesFoundSchema, LIKE_COSINE } from '../../../configs/memorization.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import { outputOf } from '../../execution/output-of.ts';
import type { PagePictures } from '../page-pictures.ts';
import type { SwappedSets } from './caption-swap.ts';
import type { CopyCheck } from './copy-check.ts';
import { type DrawnSet, describeColumns, drawIfAny, drawSet, type SetContext } from './draw-set.ts';
import { findExtractor } from './extractors.ts';

/** What was drawn under a condition. */
export interface DrawnMode {
  readonly condition: ConditionName;
  readonly drawn: DrawnSet;
  /** From conditions of held-out pictures. */
  readonly obeyed: DrawnSet | undefined;
  /** How many of those there are. */
  readonly heldOut: number;
}

/** @throws Unprocessable if nothing can be drawn. */
export async function drawMode(
  ctx: SetContext,
  check: CopyCheck,
  pages: PagePictures,
  condition: ConditionName,
): Promise<DrawnMode> {
  const { kept, split, samples } = check;
  const { dataset } = kept.head;
  const pictures = pages.itemsOf(split).length;
  const drawn = await drawSet(ctx, { ...check, condition, dataset, pictures, samples });
  const heldOut = split === 'train' && condition !== 'unconditional' ? pages.itemsOf('val').length : 0;
  const plan = { ...check, condition, dataset, split: 'val', pictures: heldOut, samples } as const;
  return { condition, drawn, obeyed: heldOut > 0 ? await drawIfAny(ctx, plan) : undefined, heldOut };
}

/** @param swap Without sets: the caption swap test is not part of it. */
export async function findCopiesIn(
  ctx: SetContext,
  { kept, extractor, detector, ratio, limit }: CopyCheck,
  pages: PagePictures,
  { mode: { drawn, obeyed }, swap }: { readonly mode: DrawnMode; readonly swap: Partial<SwappedSets> },
): Promise<CopiesFound> {
  const { dataset, engine } = kept.head;
  const columns = pages.columnsOf(['train', 'val', 'test']);
  const spaces = [];
  const finder = detector?.extractor;
  const all = new Map(
    [extractor, findExtractor('thumbnail'), ...(finder ? [finder] : [])].map(each => [each.name, each]),
  );
  for (const each of all.values()) {
    spaces.push({
      ...(each.name === finder?.name
        ? { cosine: detector?.above }
        : /^dinov2-/.test(each.name) && { cosine: LIKE_COSINE, cosine_told: true }),
      drawn: await describeColumns(ctx, each, drawn.columns, engine),
      dataset: await describeColumns(ctx, each, columns, engine),
      ...(obeyed && { obeyed: await describeColumns(ctx, each, obeyed.columns, engine) }),
      ...(swap.drawn && { swapped: await describeColumns(ctx, each, swap.drawn.columns, engine) }),
      ...(swap.heldOut && { swapped_held_out: await describeColumns(ctx, each, swap.heldOut.columns, engine) }),
    });
  }
  const answer = await ctx.call('memorization', { dataset, spaces, ratio, limit });
  return readDocument(ctx.blobs, outputOf(answer.result, 'copies'), copiesFoundSchema, 'a list of copies');
}
