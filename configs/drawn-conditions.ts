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
  'edit',
  'edit_text',
] as const;
export type ConditionName = (typeof CONDITION_NAMES)[number];

export const LOOK: readonly SignalName[] = ['cls', 'patches'];

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
