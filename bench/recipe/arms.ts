/** @file The arms: changes of the recipe that the preset `portraits` had before the comparison, one idea each. */

export interface Arm {
  readonly name: string;
  /** Keys of the config that differ from those of the base. */
  readonly changes: Readonly<Record<string, object>>;
  /** Further changes from the second half of the updates on. */
  readonly later?: Readonly<Record<string, object>>;
}

const RATE = 2e-3;

/** Keys of the base. The preset has those of the winner by now. */
export const BASE = {
  objective: { logit_normal_mean: 0.8, logit_normal_std: 0.8 },
  optimizer: { learning_rate: RATE },
  data: { batch_size: 64 },
};

/** A distribution of t that reaches further to both ends. */
const WIDE = { logit_normal_mean: 0.4, logit_normal_std: 1.2 };

/** The arm that the preset had before `wide-32-rate-2.8`. */
const WINNER = { objective: WIDE, data: { batch_size: 32 }, optimizer: { learning_rate: 2 * RATE } };

/** The arm that all others are compared with comes first. */
export const ARMS: readonly Arm[] = [
  { name: 'base', changes: {} },
  { name: 'wide-32', changes: { objective: WIDE, data: { batch_size: 32 } } },
  {
    name: 'wide-16-rate-0.7',
    changes: { objective: WIDE, data: { batch_size: 16 }, optimizer: { learning_rate: 0.7 * RATE } },
  },
  {
    name: 'wide-32-rate-1.4',
    changes: { objective: WIDE, data: { batch_size: 32 }, optimizer: { learning_rate: 1.4 * RATE } },
  },
  { name: 'wide-32-rate-2', changes: WINNER },
  {
    name: 'wide-32-rate-2.8',
    changes: { objective: WIDE, data: { batch_size: 32 }, optimizer: { learning_rate: 2.8 * RATE } },
  },
  {
    name: 'wide-32-rate-4',
    changes: { objective: WIDE, data: { batch_size: 32 }, optimizer: { learning_rate: 4 * RATE } },
  },
  { name: 'wide-24-rate-2', changes: { ...WINNER, data: { batch_size: 24 } } },
  { name: 'wide-32-rate-2-registers-4', changes: { ...WINNER, model: { registers: { count: 4 } } } },
  { name: 'wide-32-rate-2-low-later', changes: WINNER, later: { objective: { logit_normal_mean: -0.4 } } },
  { name: 'wide-24', changes: { objective: WIDE, data: { batch_size: 24 } } },
  { name: 'wide', changes: { objective: WIDE } },
  { name: 'batch-32', changes: { data: { batch_size: 32 } } },
  { name: 'wide-16', changes: { objective: WIDE, data: { batch_size: 16 } } },
  { name: 'wide-32-noise-0.7', changes: { objective: { ...WIDE, noise_scale: 0.7 }, data: { batch_size: 32 } } },
];
