/**
 * @file Looks for copies of training pictures among pictures that a checkpoint draws, by pure calls, and writes one
 * document. A call that was made before is not made again.
 */
import { worstPairs } from '../../../configs/copy-evidence.ts';
import {
  type CopiesFound,
  type CopyPair,
  type Memorization,
  memorizationSchema,
} from '../../../configs/memorization.ts';
import { Unprocessable } from '../../../errors.ts';
import { putDocument, readCheckpoint, readDataset } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import { openPagePictures, type PagePictures } from '../page-pictures.ts';
import { drawSwapped } from './caption-swap.ts';
import { type DrawnMode, drawMode, findCopiesIn } from './copies-by-condition.ts';
import type { CopyCheck } from './copy-check.ts';
import { comparePictures, measureGap } from './copy-gaps.ts';
import { describeColumns, type SetContext, samplingFor } from './draw-set.ts';

/** Pictures of each split on which the loss is measured, where the config says nothing. */
const GAP_PICTURES = 64;

/** @returns The document. @throws Unprocessable if nothing can be drawn, or there is nothing to compare with. */
export async function checkCopies(
  ctx: SetContext,
  check: CopyCheck,
): Promise<{ readonly digest: Digest; readonly document: Memorization }> {
  const { kept, config, why, conditions, split, detector } = check;
  const pages = await openPagePictures(ctx.blobs, await readDataset(ctx.blobs, kept.head.dataset));
  if (pages.itemsOf(split).length === 0) {
    throw new Unprocessable(`the dataset has no pictures of the split ${split}`);
  }
  const { length: trained } = pages.itemsOf('train');
  if (trained < 2) {
    throw new Unprocessable(`the dataset has ${trained} training pictures`, { expected: 'at least 2' });
  }
  await tryExtractors(ctx, check, pages);
  const modes: DrawnMode[] = [];
  for (const condition of conditions) modes.push(await drawMode(ctx, check, pages, condition));
  const swap = await drawSwapped(ctx, check, pages);
  const found: CopiesFound[] = [];
  // The caption swap test is the same under every condition.
  for (const [i, mode] of modes.entries()) {
    found.push(await findCopiesIn(ctx, check, pages, { mode, swap: i === 0 ? swap : {} }));
  }
  const copies = uniteConditions(modes, found);
  const sheet = await drawPairs(ctx, copies.pairs);
  const document: Memorization = memorizationSchema.parse({
    ...{ ...copies, v: 1, kind: 'memorization', checkpoint: kept.checkpoint, split },
    ...(await countPasses(ctx, kept.checkpoint, pages)),
    sampling: samplingFor(check),
    ...(detector && { copy_detector: detector.extractor.name }),
    ...(swap.drawn && { caption_swap: { condition: swap.condition, samples: swap.drawn.samples } }),
    ...(swap.why !== undefined && { no_caption_swap: swap.why }),
    ...(await comparePictures(ctx, check, modes)),
    ...{ why_extractor: why, gap: await measureGap(ctx, kept, config.run.validation?.pictures ?? GAP_PICTURES) },
    ...(sheet && { sheet }),
    links: sheet ? [sheet.digest] : [],
  });
  const { digest } = await putDocument(ctx.blobs, document);
  return { digest, document };
}

/** An extractor that cannot describe pictures is found out before minutes of drawing, by a column that it will read. */
async function tryExtractors(ctx: SetContext, { extractor, detector, kept }: CopyCheck, pages: PagePictures) {
  const first = pages.columnsOf(['train']).slice(0, 1);
  for (const each of [extractor, ...(detector ? [detector.extractor] : [])]) {
    await describeColumns(ctx, each, first, kept.head.engine);
  }
}

/** One verdict: that of the worst condition. */
function uniteConditions(modes: readonly DrawnMode[], found: readonly CopiesFound[]) {
  const [first] = found;
  const names = modes.map(({ condition }) => condition);
  if (first === undefined) throw new Unprocessable('no condition was checked');
  const { kind: _, links: __, v: ___, ...alone } = first;
  const drawn = { condition: names[0], samples: modes.reduce((sum, mode) => sum + mode.drawn.samples, 0) };
  if (found.length === 1) return { ...alone, ...drawn };
  return {
    ...{ ...alone, ...drawn, conditions: names },
    spaces: found.flatMap(({ spaces }, i) => spaces.map(space => ({ ...space, condition: names[i] }))),
    memorized: found.some(({ memorized }) => memorized),
    pairs: worstPairs(found.flatMap(({ pairs }, i) => pairs.map(pair => ({ ...pair, condition: names[i] })))),
  };
}

/** How often the training has seen its pictures. */
async function countPasses(
  ctx: SetContext,
  checkpoint: Digest,
  pages: PagePictures,
): Promise<Pick<Memorization, 'trained'>> {
  const pictures = pages.itemsOf('train').length;
  if (pictures === 0) return {};
  const { samples } = await readCheckpoint(ctx.blobs, checkpoint);
  return { trained: { samples, pictures, passes: samples / pictures } };
}

async function drawPairs(ctx: SetContext, pairs: readonly CopyPair[]) {
  if (pairs.length === 0) return undefined;
  const body = {
    title: 'Drawn pictures (left) and their nearest training pictures (right), most suspicious first',
    pairs: pairs.map(({ id, pictures, nearest, nearest_pictures, extractor, ratio, condition }) => ({
      left: { pictures, id },
      right: { pictures: nearest_pictures, id: nearest },
      label: `d1/d2 ${ratio.toFixed(2)} by ${extractor}${condition === undefined ? '' : `, from ${condition}`}`,
    })),
  };
  return (await ctx.call('pair-sheet', body)).result.outputs.image;
}
