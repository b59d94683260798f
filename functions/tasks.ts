/** @file The CPU work of stages, by name: pure functions that the worker threads of pool.ts run. */
import { type EncodePageTask, encodeInputs, encodePage } from './encoders/encode-tasks.ts';
import { findNearDuplicates } from './pictures/near-duplicates.ts';

export const tasks = {
  'encode-page': (task: EncodePageTask) => encodePage(task),
  'encode-inputs': encodeInputs,
  'find-near-duplicates': findNearDuplicates,
} as const;
