/**
 * @file Memory ran out in a chunk: the chunk begins again at its checkpoint, with a smaller micro-batch. The new
 * micro-batch is part of the action of every later chunk, so a run that is resumed goes on with it.
 */
import { OutOfMemory } from '../../errors.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { changeHead, stepOf } from '../experiments/experiment-head.ts';
import { smallerMicroBatch } from '../experiments/plan-changes.ts';
import type { Drive } from './context.ts';

/** Memory ran out in the steps of a chunk, not in what is due at its border. */
export class ChunkOutOfMemory extends OutOfMemory {
  constructor(cause: OutOfMemory) {
    const { message, expected, hint } = cause;
    super(message, { cause, ...(expected !== undefined && { expected }), ...(hint !== undefined && { hint }) });
  }
}

/** Characters of an engine's message that a head keeps. */
const LONGEST_REASON = 300;

/**
 * Records the smaller micro-batch in the head. Each is at most half of the one before, so a run meets few of them.
 * @param head At the chunk that failed. @returns False if there is no smaller one: then the training fails.
 */
export async function lowerMicroBatch(
  { ctx, view, config }: Drive,
  head: ExperimentHead,
  { message }: ChunkOutOfMemory,
): Promise<boolean> {
  const from = head.plan.micro_batch;
  const to = smallerMicroBatch(from, config.data);
  if (to === undefined) return false;
  const reason = message.slice(0, LONGEST_REASON);
  const change = { step: stepOf(head), from, to, reason, time: new Date(ctx.now()).toISOString() };
  ctx.progress({ phase: 'train', message: `${reason}: the micro-batch is ${to} instead of ${from} from now on` });
  await changeHead(ctx.store, view.name, now => {
    // Another driver was faster.
    if (now.plan.micro_batch !== from) return now;
    return { ...now, plan: { ...now.plan, micro_batch: to }, plan_changes: [...(now.plan_changes ?? []), change] };
  });
  return true;
}
