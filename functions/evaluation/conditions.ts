/** @file The conditions under which pictures of a dataset are drawn: recipe (e.2) of the project. */
import type { ConditionName } from '../../configs/drawn-conditions.ts';
import { SIGNAL_NAMES, type SignalName } from '../../configs/signals.ts';

export interface ConditionRow {
  /** In words, for people: what the network is given of a picture A. */
  readonly about: string;
  /** Signals of A. */
  readonly own: readonly SignalName[];
  /** Signals of another picture B of the same size, instead of those of A. */
  readonly other?: readonly SignalName[];
  /** Whether the caption of A is edited and encoded anew. */
  readonly edited?: true;
  /** Of each list the model and the picture have at least one signal. Otherwise the condition says nothing. */
  readonly requires: readonly (readonly SignalName[])[];
}

const LOOK: readonly SignalName[] = ['cls', 'patches'];

export const CONDITIONS: Readonly<Record<ConditionName, ConditionRow>> = {
  full: { about: 'all signals', own: SIGNAL_NAMES, requires: [SIGNAL_NAMES] },
  text: { about: 'the caption alone', own: ['text'], requires: [['text']] },
  cls: { about: 'the vector of the whole picture alone', own: ['cls'], requires: [['cls']] },
  patches: { about: 'the vectors of its patches alone', own: ['patches'], requires: [['patches']] },
  reference: { about: 'its look: cls and patches', own: LOOK, requires: [LOOK] },
  pose: { about: 'the pose alone', own: ['pose'], requires: [['pose']] },
  pose_text: { about: 'pose and caption', own: ['text', 'pose'], requires: [['text'], ['pose']] },
  unconditional: { about: 'nothing', own: [], requires: [] },
  swap: {
    about: 'the caption of A with the look (cls and patches) of another picture B',
    own: ['text'],
    other: LOOK,
    requires: [['text'], LOOK],
  },
  edit: {
    about: 'an edited caption with all other signals of A',
    own: SIGNAL_NAMES,
    edited: true,
    requires: [['text']],
  },
  edit_text: { about: 'an edited caption alone', own: ['text'], edited: true, requires: [['text']] },
};

/** Signals of which one is missing; undefined if the condition can be given. */
export function missingSignals(
  condition: ConditionName,
  has: readonly SignalName[],
): readonly SignalName[] | undefined {
  return CONDITIONS[condition].requires.find(some => !some.some(signal => has.includes(signal)));
}
