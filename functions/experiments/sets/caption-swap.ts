/** @file Pictures of the caption swap test of a check for copies. */
import { type ConditionName, missingSignals } from '../../../configs/drawn-conditions.ts';
import { SWAPPED } from '../../../configs/memorization.ts';
import { signalsOf } from '../../../configs/signals.ts';
import type { PagePictures } from '../page-pictures.ts';
import type { CopyCheck } from './copy-check.ts';
import { type DrawnSet, drawIfAny, type SetContext } from './draw-set.ts';

export interface SwappedSets {
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
export async function drawSwapped(ctx: SetContext, check: CopyCheck, pages: PagePictures): Promise<SwappedSets> {
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
