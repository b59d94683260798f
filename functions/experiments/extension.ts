/** @file A run that goes on with a higher learning rate than it had: extended in or after its decay, or branched. */
import { learningRateAt } from '../../configs/learning-rate.ts';
import type { Config } from '../../configs/schema.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { keyedAt } from './experiment-head.ts';
import { type MoveContext, moveHead } from './move-head.ts';

/**
 * Records in the head where the next update would jump to a higher rate, so that the rate rises from there instead.
 * @param name Of the experiment. @param config Its whole config. @throws BlobMissing, Conflict
 */
export async function recordExtension(
  ctx: MoveContext,
  name: string,
  head: ExperimentHead,
  config: Config,
): Promise<ExperimentHead> {
  const { checkpoint, extended = [] } = head;
  const next = keyedAt(config, head);
  if (checkpoint === undefined || next.optimizer.warmup_samples === 0) return head;
  const { config: trainedWith, samples: at } = await readCheckpoint(ctx.blobs, checkpoint);
  if (trainedWith === canonicalDigest(next) || extended.at(-1)?.at === at) return head;
  const update = { first: at, end: at + config.data.batch_size };
  const learning_rate = learningRateAt(update, (await readKeyedConfig(ctx.blobs, trainedWith)).optimizer);
  if (learningRateAt(update, next.optimizer) <= learning_rate) return head;
  return moveHead(ctx, name, head, now => ({ ...now, extended: [...extended, { at, learning_rate }] }));
}

/** The extensions that a run up to `samples` has behind it. */
export function extensionsUpTo(samples: number, { extended = [] }: ExperimentHead): Pick<ExperimentHead, 'extended'> {
  const behind = extended.filter(({ at }) => at <= samples);
  return behind.length > 0 ? { extended: behind } : {};
}
