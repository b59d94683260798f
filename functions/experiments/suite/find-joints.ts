/** @file The joints of the pictures of a column: those of bundled figures are read from pixels, others by a network. */
import { shownSchema } from '../../../configs/evaluation.ts';
import { poseScoresSchema } from '../../../configs/pose-scores.ts';
import { readDocument } from '../../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../../storage/digest.ts';
import { copyWeights } from '../../encoders/weights.ts';
import { outputOf } from '../../execution/output-of.ts';
import type { SuiteContext, SuiteRequest } from './suite-request.ts';

/** Inputs of `score-pictures`, and how they came about. */
interface FoundJoints {
  /** Output `shown` of `probe-pictures`. */
  readonly shown?: Digest;
  /** Output `scores` of `score-poses`. */
  readonly poses?: Digest;
  /** The network that found them. */
  readonly by?: string;
  /** Why there are none. */
  readonly why?: string;
}

const FIGURES_ALONE = 'joints are read from the pixels of bundled figures alone';

export async function findJoints(
  ctx: SuiteContext,
  { dataset, engine, pose }: SuiteRequest,
  pictures: Digest,
): Promise<FoundJoints> {
  const shown = outputOf((await ctx.call('probe-pictures', { dataset, pictures })).result, 'shown');
  const { joints } = await readDocument(ctx.blobs, shown, shownSchema, 'shown attributes');
  if (joints !== undefined) return { shown };
  if (pose === undefined) return { shown, why: FIGURES_ALONE };
  if (typeof pose === 'string') return { shown, why: `${FIGURES_ALONE}: ${pose}` };
  const { net, most } = pose;
  const body = { ...net, weights: copyWeights(net.weights), dataset, pictures, most, engine };
  const poses = outputOf((await ctx.call('score-poses', body)).result, 'scores');
  const { items, model } = await readDocument(ctx.blobs, poses, poseScoresSchema, 'scores of poses');
  return items.length > 0 ? { poses, by: model } : { why: 'no picture has a pose' };
}
