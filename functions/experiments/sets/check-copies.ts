/**
 * @file Looks for copies of training pictures among pictures that a checkpoint draws, by pure calls, and writes one
 * document. A call that was made before is not made again.
 */
import type { ConditionName } from '../../../configs/drawn-conditions.ts';
import {
  type CopyPair,
  copiesFoundSchema,
  type Memorization,
  memorizationSchema,
} from '../../../configs/memorization.ts';
import type { Config } from '../../../configs/schema.ts';
import { validationSchema } from '../../../configs/validation.ts';
import { Unprocessable } from '../../../errors.ts';
import { putDocument, readDataset, readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import { outputOf } from '../../execution/output-of.ts';
import type { KeptOf } from '../find-kept.ts';
import { batchFor } from '../flow-loss-batch.ts';
import { openPagePictures } from '../page-pictures.ts';
import {
  type DrawnSet,
  type DrawPlan,
  type DrawSettings,
  describeColumns,
  drawSet,
  type ReadyExtractor,
  type SetContext,
  samplingFor,
} from './draw-set.ts';
import { findExtractor } from './extractors.ts';

/** Pictures of each split on which the loss is measured, where the config says nothing. */
const GAP_PICTURES = 64;

export interface CopyCheck extends DrawSettings {
  readonly config: Config;
  /** The checkpoint, and the experiment whose engine and dataset it is drawn with. */
  readonly kept: Pick<KeptOf, 'head' | 'checkpoint'>;
  /** Looks beside thumbnails. */
  readonly extractor: ReadyExtractor;
  /** Why this extractor. */
  readonly why: string;
  /** What the network is given. */
  readonly condition: ConditionName;
  readonly split: 'train' | 'val';
  readonly samples: number;
  readonly ratio: number;
  readonly limit: number;
}

/** @returns The document. @throws Unprocessable if nothing can be drawn, or there is nothing to compare with. */
export async function checkCopies(
  ctx: SetContext,
  check: CopyCheck,
): Promise<{ readonly digest: Digest; readonly document: Memorization }> {
  const { kept, config, extractor, why, condition, split, samples, ratio, limit } = check;
  const { head, checkpoint } = kept;
  const { dataset, engine } = head;
  const pages = await openPagePictures(ctx.blobs, await readDataset(ctx.blobs, dataset));
  const pictures = pages.itemsOf(split).length;
  if (pictures === 0) throw new Unprocessable(`the dataset has no pictures of the split ${split}`);
  const drawn = await drawSet(ctx, { ...check, dataset, pictures, samples });
  const heldOut = split === 'train' && condition !== 'unconditional' ? pages.itemsOf('val').length : 0;
  const obeyed =
    heldOut > 0 ? await drawIfAny(ctx, { ...check, dataset, split: 'val', pictures: heldOut, samples }) : undefined;

  const columns = pages.columnsOf(['train', 'val', 'test']);
  const thumbnail = findExtractor('thumbnail');
  const spaces = [];
  for (const each of extractor.name === thumbnail.name ? [extractor] : [extractor, thumbnail]) {
    spaces.push({
      drawn: await describeColumns(ctx, each, drawn.columns, engine),
      dataset: await describeColumns(ctx, each, columns, engine),
      ...(obeyed && { obeyed: await describeColumns(ctx, each, obeyed.columns, engine) }),
    });
  }
  const answer = await ctx.call('memorization', { dataset, spaces, ratio, limit });
  const copies = outputOf(answer.result, 'copies');
  const { kind: _, links: __, ...found } = await readDocument(ctx.blobs, copies, copiesFoundSchema, 'a list of copies');
  const sheet = await drawPairs(ctx, found.pairs);
  const document: Memorization = memorizationSchema.parse({
    ...{ ...found, v: 1, kind: 'memorization', checkpoint, condition, split, samples: drawn.samples },
    sampling: samplingFor(check),
    ...{ why_extractor: why, gap: await measureGap(ctx, kept, config.run.validation?.pictures ?? GAP_PICTURES) },
    ...(sheet && { sheet }),
    links: sheet ? [sheet.digest] : [],
  });
  const { digest } = await putDocument(ctx.blobs, document);
  return { digest, document };
}

/** Undefined if no held-out picture has the signals of the condition. */
async function drawIfAny(ctx: SetContext, plan: DrawPlan): Promise<DrawnSet | undefined> {
  try {
    return await drawSet(ctx, plan);
  } catch (error) {
    if (error instanceof Unprocessable) return undefined;
    throw error;
  }
}

async function drawPairs(ctx: SetContext, pairs: readonly CopyPair[]) {
  if (pairs.length === 0) return undefined;
  const body = {
    title: 'Drawn pictures (left) and their nearest training pictures (right), most suspicious first',
    pairs: pairs.map(({ id, pictures, nearest, nearest_pictures, extractor, ratio }) => ({
      left: { pictures, id },
      right: { pictures: nearest_pictures, id: nearest },
      label: `d1/d2 ${ratio.toFixed(2)} by ${extractor}`,
    })),
  };
  return (await ctx.call('pair-sheet', body)).result.outputs.image;
}

/** The flow loss on held-out pictures minus that on trained ones, on one grid of noise and t. */
async function measureGap(
  ctx: SetContext,
  { head, checkpoint }: CopyCheck['kept'],
  pictures: number,
): Promise<Memorization['gap']> {
  const batch = batchFor(head.plan.micro_batch);
  const body = { checkpoint, dataset: head.dataset, pictures, batch, engine: head.engine };
  const measured = outputOf((await ctx.call('flow-loss', body)).result, 'flow_loss');
  const { held_out, train } = await readDocument(ctx.blobs, measured, validationSchema, 'a validation');
  const [after, before] = [held_out?.loss, train?.loss];
  if (typeof after !== 'number' || typeof before !== 'number') return null;
  return { train: before, held_out: after, difference: after - before };
}
