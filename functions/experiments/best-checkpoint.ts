/** @file The best checkpoint of a training: that with the smallest loss on pictures that are not trained on. */
import type { BestCheckpoint, ExperimentHead, KeptCheckpoint } from '../../storage/experiment-record.ts';
import type { BlobStore } from '../../storage/types.ts';
import { readValidation } from './border/flow-loss-step.ts';

type Artifacts = ExperimentHead['chunks'][number]['artifacts'];

/**
 * A checkpoint with its loss on held-out pictures.
 * @param artifacts Those of the chunk that ends at it. @returns Undefined if the loss was not measured, or not finite.
 */
export async function judgeCheckpoint(
  blobs: BlobStore,
  { validation }: Artifacts,
  kept: KeptCheckpoint,
): Promise<BestCheckpoint | undefined> {
  const loss = validation && (await readValidation(blobs, validation)).held_out?.loss;
  return typeof loss === 'number' ? { ...kept, held_out_loss: loss } : undefined;
}

/** The better of the head's best and a later one. One that was judged on the pictures of a former dataset gives way. */
export function chooseBest(
  { best, former_datasets: former = [] }: Pick<ExperimentHead, 'best' | 'former_datasets'>,
  later: BestCheckpoint | undefined,
): BestCheckpoint | undefined {
  if (later === undefined || best === undefined) return later ?? best;
  const isFormer = best.step <= (former.at(-1)?.until ?? 0);
  return isFormer || later.held_out_loss < best.held_out_loss ? later : best;
}

export function withoutLoss({ held_out_loss: _, ...kept }: BestCheckpoint): KeptCheckpoint {
  return kept;
}
