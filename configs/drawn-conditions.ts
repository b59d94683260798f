/** @file What held-out pictures are drawn from: each name is a row of a table in functions/evaluation/. */
import { SIGNAL_NAMES, type SignalName } from './signals.ts';

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
  'other_pose',
  'edit',
  'edit_text',
] as const;
export type ConditionName = (typeof CONDITION_NAMES)[number];

export const LOOK: readonly SignalName[] = ['cls', 'patches'];

/** Signals that come from another picture of the same size. */
export const BORROWED: Readonly<Partial<Record<ConditionName, readonly SignalName[]>>> = {
  swap: LOOK,
  other_pose: ['pose'],
};

/** Of each list the model and the picture have at least one signal. Otherwise the condition says nothing. */
const REQUIRED: Readonly<Record<ConditionName, readonly (readonly SignalName[])[]>> = {
  full: [SIGNAL_NAMES],
  text: [['text']],
  cls: [['cls']],
  patches: [['patches']],
  reference: [LOOK],
  pose: [['pose']],
  pose_text: [['text'], ['pose']],
  unconditional: [],
  swap: [['text'], LOOK],
  other_pose: [['text'], ['pose']],
  edit: [['text']],
  edit_text: [['text']],
};

/** Signals of which one is missing; undefined if the condition can be given. */
export function missingSignals(
  condition: ConditionName,
  has: readonly SignalName[],
): readonly SignalName[] | undefined {
  return REQUIRED[condition].find(some => !some.some(signal => has.includes(signal)));
}
