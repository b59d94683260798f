/**
 * @file Looks for copies of training pictures among pictures that a checkpoint draws, by pure calls, and writes one
 * document. A call that was made before is not made again.
 */
import { type ConditionName, missingSignals } from '../../../configs/drawn-conditions.ts';
import {
  type CopyPair,
  copiesFoundSchema,
  type Memorization,
  memorizationSchema,
  SWAPPED,
} from '../../../configs/memorization.ts';
import type { Config } from '../../../configs/schema.ts';
import { signalsOf } from '../../../configs/signals.ts';
import { validationSchema } from '../../../configs/validation.ts';
import { Unprocessable } from '../../../errors.ts';
import { putDocument, readDataset, readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import { outputOf } from '../../execution/output-of.ts';
import type { KeptOf } from '../find-kept.ts';
import { batchFor } from '../flow-loss-batch.ts';
import { openPagePictures, type PagePictures } from '../page-pictures.ts';
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
import { type GapLpips, measurePictureGap } from './picture-gap.ts';

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
  /** Pictures of the caption swap test; absent: as many as usual. */
  readonly swapped?: number | undefined;
  /** A network that finds copies, and the cosine above which it does. */
  readonly detector?: CopyDetector | undefined;
  /** Compares drawn pictures with those of their conditions. A text says why no net does. */
  readonly lpips: GapLpips | string;
}

export interface CopyDetector {
  readonly extractor: ReadyExtractor;
  readonly above: number;
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
  const swap = await drawSwapped(ctx, check, pages);

  const columns = pages.columnsOf(['train', 'val', 'test']);
  const thumbnail = findExtractor('thumbnail');
  const spaces = [];
  const detector = check.detector?.extractor;
  const all = new Map([extractor, thumbnail, ...(detector ? [detector] : [])].map(each => [each.name, each]));
  for (const each of all.values()) {
    spaces.push({
      ...(each.name === detector?.name && { cosine: check.detector?.above }),
      drawn: await describeColumns(ctx, each, drawn.columns, engine),
      dataset: await describeColumns(ctx, each, columns, engine),
      ...(obeyed && { obeyed: await describeColumns(ctx, each, obeyed.columns, engine) }),
      ...(swap.drawn && { swapped: await describeColumns(ctx, each, swap.drawn.columns, engine) }),
      ...(swap.heldOut && { swapped_held_out: await describeColumns(ctx, each, swap.heldOut.columns, engine) }),
    });
  }
  const answer = await ctx.call('memorization', { dataset, spaces, ratio, limit });
  const copies = outputOf(answer.result, 'copies');
  const { kind: _, links: __, ...found } = await readDocument(ctx.blobs, copies, copiesFoundSchema, 'a list of copies');
  const sheet = await drawPairs(ctx, found.pairs);
  const document: Memorization = memorizationSchema.parse({
    ...{ ...found, v: 1, kind: 'memorization', checkpoint, condition, split, samples: drawn.samples },
    sampling: samplingFor(check),
    ...(detector && { copy_detector: detector.name }),
    ...(swap.drawn && { caption_swap: { condition: swap.condition, samples: swap.drawn.samples } }),
    ...(swap.why !== undefined && { no_caption_swap: swap.why }),
    ...(await comparePictures(ctx, check, { drawn, obeyed, heldOut })),
    ...{ why_extractor: why, gap: await measureGap(ctx, kept, config.run.validation?.pictures ?? GAP_PICTURES) },
    ...(sheet && { sheet }),
    links: sheet ? [sheet.digest] : [],
  });
  const { digest } = await putDocument(ctx.blobs, document);
  return { digest, document };
}

interface SwappedSets {
  readonly condition: ConditionName;
  /** From captions of trained pictures. */
  readonly drawn?: DrawnSet | undefined;
  /** From captions of held-out pictures. */
  readonly heldOut?: DrawnSet | undefined;
  /** Why nothing was drawn. */
  readonly why?: string;
}

/**
 * The caption swap test: a caption of a trained picture with new noise and the pose of another picture must not return
 * the trained picture. Without poses the caption is given alone: the look of another picture would bring that one.
 */
async function drawSwapped(ctx: SetContext, check: CopyCheck, pages: PagePictures): Promise<SwappedSets> {
  const { config, kept, samples, swapped = Math.min(SWAPPED, samples) } = check;
  const has = signalsOf(config.model.conditions);
  const condition = missingSignals('other_pose', has) === undefined ? 'other_pose' : 'text';
  if (swapped === 0) return { condition, why: 'swapped is 0' };
  if (missingSignals('text', has)) return { condition, why: 'the model was trained without captions' };
  const draw = (split: 'train' | 'val') => {
    const pictures = pages.itemsOf(split).length;
    const plan = { ...check, condition, dataset: kept.head.dataset, split, pictures, samples: swapped } as const;
    return pictures > 0 ? drawIfAny(ctx, plan) : undefined;
  };
  const drawn = await draw('train');
  if (drawn === undefined) return { condition, why: 'no trained picture has the signals for it' };
  return { condition, drawn, heldOut: await draw('val') };
}

/** Undefined if no picture of the split has the signals of the condition. */
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

/** The gap between trained and held-out pictures in distances of pictures, or why it was not measured. */
async function comparePictures(
  ctx: SetContext,
  { kept: { head }, extractor, lpips, condition, split }: CopyCheck,
  {
    drawn,
    obeyed,
    heldOut,
  }: { readonly drawn: DrawnSet; readonly obeyed: DrawnSet | undefined; readonly heldOut: number },
): Promise<Pick<Memorization, 'picture_gap' | 'no_picture_gap' | 'no_lpips'>> {
  if (split !== 'train') return { no_picture_gap: `nothing was drawn from trained pictures: split is ${split}` };
  if (condition === 'unconditional')
    return { no_picture_gap: 'pictures that are drawn from nothing have no counterpart' };
  if (obeyed === undefined) {
    return {
      no_picture_gap:
        heldOut === 0 ? 'the dataset has no pictures of the split val' : 'no held-out picture has the signals for it',
    };
  }
  const { dataset, engine } = head;
  const { measures, ...told } = await measurePictureGap(ctx, {
    ...{ dataset, engine, train: drawn, heldOut: obeyed, extractor, lpips },
  });
  return {
    picture_gap: {
      extractor: extractor.name,
      ...(typeof lpips !== 'string' && told.no_lpips === undefined && { lpips: lpips.net }),
      measures,
    },
    ...told,
  };
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
