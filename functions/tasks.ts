/** @file The CPU work of stages, by name: pure functions that the worker threads of pool.ts run. */
import { encodeDctPage } from './encoders/encode-dct-page.ts';
import { findNearDuplicates } from './pictures/near-duplicates.ts';

export const tasks = {
  'encode-dct-page': encodeDctPage,
  'find-near-duplicates': findNearDuplicates,
} as const;
