/** @file The control rows of every table of quality: each name is a row of a table in functions/evaluation/. */

/** From the best to the worst. */
export const CONTROL_NAMES = ['real', 'down_up', 'blur', 'nearest', 'random', 'mean', 'noise'] as const;
export type ControlName = (typeof CONTROL_NAMES)[number];
