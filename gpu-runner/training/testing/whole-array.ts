/** @file Whether tests of all switches take every config, or the few that hold every switch once. */
import { runsTier } from '../../../test/tiers.ts';

/** Trains every row of the covering array, and resumes every config on every engine: five minutes. */
export const TAKES_WHOLE_ARRAY = runsTier(
  'switches',
  process.env.EASEL_TEST_SWITCHES === 'all' ? undefined : 'EASEL_TEST_SWITCHES is not all',
);
