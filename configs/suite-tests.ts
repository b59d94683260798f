/** @file The tests of the validation suite: what each draws, and which pictures it compares. */
import type { ConditionName } from './drawn-conditions.ts';

/** How a test differs from the settings of the suite. */
export interface DrawRow {
  readonly condition: ConditionName;
  readonly about: string;
  /** The same condition from other noise. */
  readonly again?: true;
  /** Guidance of this draw: a number, or the high one of the settings; always by the method cfg. */
  readonly guidance?: number | 'high';
}

/** Draws by key. Several tests share them: equal draws are one action. */
export const DRAWS = {
  full: { condition: 'full', about: 'all signals' },
  full_again: { condition: 'full', again: true, about: 'all signals, other noise' },
  text: { condition: 'text', about: 'caption alone' },
  text_again: { condition: 'text', again: true, about: 'caption alone, other noise' },
  cls: { condition: 'cls', about: 'vector of the whole picture alone' },
  patches: { condition: 'patches', about: 'vectors of the patches alone' },
  pose: { condition: 'pose', about: 'pose alone' },
  pose_text: { condition: 'pose_text', about: 'pose and caption' },
  unconditional: { condition: 'unconditional', about: 'nothing' },
  swap: { condition: 'swap', about: 'caption of A, look of B' },
  edit: { condition: 'edit', about: 'edited caption, other signals' },
  edit_text: { condition: 'edit_text', about: 'edited caption alone' },
  guidance_0: { condition: 'text', guidance: 0, about: 'guidance 0: as without caption' },
  guidance_1: { condition: 'text', guidance: 1, about: 'guidance 1: off' },
  guidance_high: { condition: 'text', guidance: 'high', about: 'high guidance' },
} as const satisfies Readonly<Record<string, DrawRow>>;
export type DrawKey = keyof typeof DRAWS;

/** Two sets of pictures that are scored against each other. `own`: the real pictures; `other`: those of B of a swap. */
export interface ScoreRow {
  readonly score: string;
  readonly of: DrawKey;
  /** `other_own`: the pictures of B against those of A, whatever is drawn. */
  readonly against: DrawKey | 'own' | 'other' | 'other_own';
  readonly about: string;
  /** Whether the pictures are compared with the captions that they were drawn from, too. */
  readonly caption?: true;
}

/** A difference of two scores of a test: a - b. */
export interface DifferenceRow {
  readonly difference: string;
  readonly a: string;
  readonly b: string;
  readonly about: string;
}

export interface TestRow {
  readonly about: string;
  readonly scores: readonly ScoreRow[];
  readonly differences?: readonly DifferenceRow[];
  /** Draws whose attributes are read, in bundled sets. */
  readonly probes?: readonly DrawKey[];
  /** Columns of the collage, from left. */
  readonly collage: readonly (DrawKey | 'own' | 'other')[];
  /** Whether what the network is given as cls is compared, too. */
  readonly cls?: true;
  /** Whether the pose is given: scores against the real pictures tell how many joints follow it. */
  readonly pose?: true;
}

const own = (of: DrawKey): ScoreRow => ({ score: of, of, against: 'own', about: 'against the real pictures' });
const ownCaptioned = (of: DrawKey): ScoreRow => ({ ...own(of), caption: true });
const floor = (of: DrawKey, against: DrawKey): ScoreRow => ({
  score: 'floor',
  of,
  against,
  about: 'noise floor: the same condition from two noises',
});

const TESTS = {
  reconstruction: {
    about: 'held-out pictures from all their signals',
    scores: [ownCaptioned('full'), floor('full_again', 'full')],
    probes: ['full'],
    collage: ['own', 'full', 'full_again'],
    pose: true,
  },
  swap: {
    about: 'the caption of a picture A with the look of another one B',
    scores: [
      { score: 'to_a', of: 'swap', against: 'own', about: 'against A, whose caption was given', caption: true },
      { score: 'to_b', of: 'swap', against: 'other', about: 'against B, whose look was given' },
      { score: 'a_to_b', of: 'swap', against: 'other_own', about: 'B against A: how far apart they are' },
      { score: 'effect', of: 'swap', against: 'full', about: 'against A from all its own signals' },
      floor('full_again', 'full'),
    ],
    differences: [
      {
        difference: 'b_over_a',
        a: 'to_b',
        b: 'to_a',
        about: 'distance to B minus that to A: the look decides below 0',
      },
      { difference: 'effect_over_floor', a: 'effect', b: 'floor', about: 'effect of the swap minus the noise floor' },
    ],
    probes: ['swap'],
    collage: ['own', 'other', 'full', 'swap'],
    cls: true,
  },
  cfg: {
    about: 'the caption at several guidances: how far they lead apart',
    scores: [
      { score: 'guidance_0', of: 'guidance_0', against: 'guidance_1', about: 'guidance 0 against 1', caption: true },
      {
        ...{ score: 'guidance_default', of: 'text', against: 'guidance_1' },
        ...{ about: 'the usual guidance against 1', caption: true },
      },
      {
        ...{ score: 'guidance_high', of: 'guidance_high', against: 'guidance_1' },
        ...{ about: 'high guidance against 1', caption: true },
      },
      {
        ...{ score: 'plain_to_own', of: 'guidance_1', against: 'own' },
        ...{ about: 'guidance 1 against the real pictures', caption: true },
      },
      { score: 'high_to_own', of: 'guidance_high', against: 'own', about: 'high guidance against the real pictures' },
    ],
    probes: ['guidance_1', 'text', 'guidance_high'],
    collage: ['own', 'guidance_0', 'guidance_1', 'text', 'guidance_high'],
  },
  edit: {
    about: 'one phrase of the caption replaced, from the same noise',
    scores: [
      {
        score: 'effect',
        of: 'edit',
        against: 'full',
        about: 'edited against unedited, with all other signals',
        caption: true,
      },
      {
        score: 'effect_text',
        of: 'edit_text',
        against: 'text',
        about: 'edited against unedited, the caption alone',
        caption: true,
      },
      floor('text_again', 'text'),
    ],
    differences: [
      {
        difference: 'text_over_floor',
        a: 'effect_text',
        b: 'floor',
        about: 'effect of the edit minus the noise floor',
      },
    ],
    probes: ['edit', 'edit_text', 'text'],
    collage: ['own', 'full', 'edit', 'text', 'edit_text'],
  },
  text: {
    about: 'the caption alone',
    scores: [ownCaptioned('text'), floor('text_again', 'text')],
    probes: ['text'],
    collage: ['own', 'text', 'text_again'],
  },
  cls: { about: 'the vector of the whole picture alone', scores: [own('cls')], collage: ['own', 'cls'], cls: true },
  patches: { about: 'the vectors of its patches alone', scores: [own('patches')], collage: ['own', 'patches'] },
  pose: { about: 'the pose alone', scores: [own('pose')], collage: ['own', 'pose'], pose: true },
  pose_text: {
    about: 'pose and caption',
    scores: [ownCaptioned('pose_text')],
    probes: ['pose_text'],
    collage: ['own', 'pose_text'],
    pose: true,
  },
  unconditional: {
    about: 'nothing: what the network draws by itself',
    scores: [own('unconditional')],
    collage: ['unconditional'],
  },
  /** Draws nothing more: compares `reconstruction` and `text` with earlier validations. */
  drift: { about: 'scores of each picture beside those of earlier validations', scores: [], collage: [] },
} as const satisfies Readonly<Record<string, TestRow>>;

export type TestName = keyof typeof TESTS;
export const SUITE_TESTS: Readonly<Record<TestName, TestRow>> = TESTS;
export const TEST_NAMES = Object.keys(TESTS) as [TestName, ...TestName[]];

/** Draws that a test needs, each once. */
export function drawsOf({ scores, probes = [], collage }: TestRow): readonly DrawKey[] {
  const keys = [...scores.flatMap(({ of, against }) => [of, against]), ...probes, ...collage];
  return [...new Set(keys)].filter((key): key is DrawKey => key in DRAWS);
}
