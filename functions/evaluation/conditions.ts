/** @file The conditions under which pictures of a dataset are drawn: recipe (e.2) of the project. */
import { type ConditionName, LOOK, missingSignals } from '../../configs/drawn-conditions.ts';
import { SIGNAL_NAMES, type SignalName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';

export interface ConditionRow {
  /** In words, for people: what the network is given of a picture A. */
  readonly about: string;
  /** Signals of A. Those of another picture B are in `BORROWED`. */
  readonly own: readonly SignalName[];
  /** Whether the caption of A is edited and encoded anew. */
  readonly edited?: true;
}

export const CONDITIONS: Readonly<Record<ConditionName, ConditionRow>> = {
  full: { about: 'all signals', own: SIGNAL_NAMES },
  text: { about: 'the caption alone', own: ['text'] },
  cls: { about: 'the vector of the whole picture alone', own: ['cls'] },
  patches: { about: 'the vectors of its patches alone', own: ['patches'] },
  reference: { about: 'its look: cls and patches', own: LOOK },
  pose: { about: 'the pose alone', own: ['pose'] },
  pose_text: { about: 'pose and caption', own: ['text', 'pose'] },
  unconditional: { about: 'nothing', own: [] },
  swap: { about: 'the caption of A with the look (cls and patches) of another picture B', own: ['text'] },
  other_pose: { about: 'the caption of A with the pose of another picture B', own: ['text'] },
  edit: {
    about: 'an edited caption with all other signals of A',
    own: SIGNAL_NAMES,
    edited: true,
  },
  edit_text: { about: 'an edited caption alone', own: ['text'], edited: true },
};

/** @throws Unprocessable for a model that lacks what the condition gives. */
export function requireSignals(condition: ConditionName, has: readonly SignalName[]): void {
  const missing = missingSignals(condition, has);
  if (missing === undefined) return;
  throw new Unprocessable(`the model was trained without ${missing.join(' or ')}`, {
    expected: `for the condition ${condition}, a model whose config has model.conditions.${missing[0]}`,
  });
}
