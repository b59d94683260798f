/** @file What held-out pictures are drawn from: each name is a row of a table in functions/evaluation/. */

export const CONDITION_NAMES = [
  'full',
  'text',
  'cls',
  'patches',
  'reference',
  'pose',
  'pose_text',
  'unconditional',
  'swap',
  'edit',
  'edit_text',
] as const;
export type ConditionName = (typeof CONDITION_NAMES)[number];
