/** @file How much better a checkpoint knows trained pictures than held-out ones: by drawn pictures, and by its loss. */
import type { Memorization } from '../../../configs/memorization.ts';
import { validationSchema } from '../../../configs/validation.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import { outputOf } from '../../execution/output-of.ts';
import { batchFor } from '../flow-loss-batch.ts';
import type { DrawnMode } from './copies-by-condition.ts';
import type { CopyCheck } from './copy-check.ts';
import type { SetContext } from './draw-set.ts';
import { measurePictureGap } from './picture-gap.ts';

/**
 * The gap between trained and held-out pictures in distances of pictures, or why it was not measured.
 * @param modes Of them counts the first that was drawn from something.
 */
export async function comparePictures(
  ctx: SetContext,
  { kept: { head }, extractor, lpips, split }: CopyCheck,
  modes: readonly DrawnMode[],
): Promise<Pick<Memorization, 'picture_gap' | 'no_picture_gap' | 'no_lpips'>> {
  if (split !== 'train') return { no_picture_gap: `nothing was drawn from trained pictures: split is ${split}` };
  const mode = modes.find(({ condition }) => condition !== 'unconditional');
  if (mode === undefined) return { no_picture_gap: 'pictures that are drawn from nothing have no counterpart' };
  const { drawn, obeyed, heldOut } = mode;
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

/** Of each picture and t: they cost some percent of the samples of a check. */
const GAP_NOISES = 4;

/** The flow loss on held-out pictures minus that on trained ones, on one grid of noise and t. */
export async function measureGap(
  ctx: SetContext,
  { head, checkpoint }: CopyCheck['kept'],
  pictures: number,
): Promise<Memorization['gap']> {
  const batch = batchFor(head.plan.micro_batch);
  const body = { checkpoint, dataset: head.dataset, pictures, batch, noises: GAP_NOISES, engine: head.engine };
  const measured = outputOf((await ctx.call('flow-loss', body)).result, 'flow_loss');
  const { held_out, train, noises } = await readDocument(ctx.blobs, measured, validationSchema, 'a validation');
  const [after, before] = [held_out?.loss, train?.loss];
  if (typeof after !== 'number' || typeof before !== 'number') return null;
  return { train: before, held_out: after, difference: after - before, noises };
}
