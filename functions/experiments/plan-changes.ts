/** @file The micro-batch of a run whose memory ran out. The update keeps its samples: only its cut is another. */
import type { DataConfig } from '../../configs/schema.ts';
import { groupSizeOf } from '../../configs/schema.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { Note, TrainingPlan } from '../../storage/records.ts';

/** The largest micro-batch that is at most half of this one and divides the samples of one size; undefined after 1. */
export function smallerMicroBatch(microBatch: number, data: DataConfig): number | undefined {
  const group = groupSizeOf(data);
  for (let size = Math.floor(microBatch / 2); size >= 1; size--) if (group % size === 0) return size;
  return undefined;
}

/** The plan that the experiment was created with. */
export function firstPlan({
  plan,
  plan_changes: [first] = [],
}: Pick<ExperimentHead, 'plan' | 'plan_changes'>): TrainingPlan {
  return first ? { ...plan, micro_batch: first.from } : plan;
}

/** What a person should know; nothing as long as memory sufficed. */
export function notePlanChanges({ plan_changes: changes = [] }: Pick<ExperimentHead, 'plan_changes'>): Note[] {
  const [first, last] = [changes[0], changes.at(-1)];
  if (first === undefined || last === undefined) return [];
  const text =
    `memory ran out at step ${last.step}: the micro-batch is ${last.to} instead of ${first.from} from there on; each ` +
    `update has the samples that it had, and differs by rounding (${last.reason})`;
  return [{ code: 'smaller_micro_batch', count: changes.length, text, examples: [] }];
}
