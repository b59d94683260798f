/**
 * @file What the checks for copies of training pictures say of a run: the step from which on it memorizes, and the
 * last checkpoint before, which stays.
 */
import { findBlindSpace, findStrongestEvidence, percent } from '../../configs/copy-evidence.ts';
import type { Memorization } from '../../configs/memorization.ts';
import { BlobMissing } from '../../errors.ts';
import type { Chunk } from '../../storage/chunk-record.ts';
import type { ExperimentHead, KeptCheckpoint } from '../../storage/experiment-record.ts';
import { listKept, listKeptDigests } from '../../storage/list-kept.ts';
import type { Note } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { MEMORIZATION, readMemorization } from './border/memorization-step.ts';
import { readChunks } from './chunk-pages.ts';

export type Verdicts = Pick<ExperimentHead, 'clean' | 'memorizing'>;
/** With that of the runs before, from which it goes on. */
type Run = Verdicts & Pick<ExperimentHead, 'began_memorizing'>;
export type Memorizing = NonNullable<ExperimentHead['memorizing']>;

/** The check at the end of a chunk; undefined: there was none. */
export async function readCheck(blobs: BlobStore, artifacts: Chunk['artifacts']): Promise<Memorization | undefined> {
  const document = artifacts[MEMORIZATION];
  return document && readMemorization(blobs, document);
}

/** With the check of a newer checkpoint. */
export function judgeNewest(
  { clean, memorizing }: Verdicts,
  checked: Memorization | undefined,
  kept: KeptCheckpoint,
): Verdicts {
  const before = { ...(clean && { clean }), ...(memorizing && { memorizing }) };
  if (checked === undefined || memorizing !== undefined) return before;
  const verdict = verdictOf(kept.step, checked);
  if (verdict === 'clean') return { clean: kept };
  return verdict ? { ...before, memorizing: verdict } : before;
}

/** What a check says of the checkpoint of a step. Undefined: it cannot tell. */
export function verdictOf(step: number, checked: Memorization): Memorizing | 'clean' | undefined {
  if (!checked.memorized) return findBlindSpace(checked) ? undefined : 'clean';
  const { rate, extractor } = findStrongestEvidence(checked);
  return { step, rate, extractor };
}

/**
 * The head with the verdicts of all its checks, after one was asked for. A checkpoint that nothing else keeps any more
 * is superseded.
 */
export async function judgeAll(blobs: BlobStore, head: ExperimentHead): Promise<ExperimentHead> {
  const kept = new Map(listKept(head).map(each => [each.step, each]));
  const { clean: former, memorizing: _, ...rest } = head;
  let clean: KeptCheckpoint | undefined;
  let memorizing: Memorizing | undefined;
  for (const { to, artifacts } of await readChunks(blobs, head)) {
    const here = kept.get(to);
    const verdict = await judge(blobs, artifacts, { step: to, here, head });
    if (verdict === 'clean') clean = here;
    else if (verdict) {
      memorizing = verdict;
      break;
    }
  }
  const judged = { ...rest, ...(clean && { clean }), ...(memorizing && { memorizing }) };
  if (former === undefined || listKeptDigests(judged).includes(former.checkpoint)) return judged;
  return { ...judged, superseded: [...judged.superseded, former] };
}

interface Judged {
  readonly step: number;
  /** The checkpoint of the step, if it is kept. */
  readonly here: KeptCheckpoint | undefined;
  readonly head: Verdicts;
}

/** Undefined: the chunk says neither. Of a check that is lost stands what the head has of it. */
async function judge(
  blobs: BlobStore,
  artifacts: Chunk['artifacts'],
  { step, here, head: { clean, memorizing } }: Judged,
): Promise<Memorizing | 'clean' | undefined> {
  try {
    const checked = await readCheck(blobs, artifacts);
    const verdict = checked && verdictOf(step, checked);
    return verdict === 'clean' && checked?.checkpoint !== here?.checkpoint ? undefined : verdict;
  } catch (error) {
    if (!(error instanceof BlobMissing)) throw error;
    if (memorizing?.step === step) return memorizing;
    return clean?.step === step ? 'clean' : undefined;
  }
}

/** Those that hold for the steps up to one. */
export function verdictsUpTo(step: number, { clean, memorizing }: Verdicts): Verdicts {
  return {
    ...(clean && clean.step <= step && { clean }),
    ...(memorizing && memorizing.step <= step && { memorizing }),
  };
}

/** Whether a check of this step, of an earlier one, or of a run before found copies. */
export function isMemorizing({ memorizing, began_memorizing }: Run, step: number): boolean {
  return began_memorizing !== undefined || (memorizing !== undefined && step >= memorizing.step);
}

/** `NAME@STEP` of the first check that found copies: of the run, or of one before it. */
export function describeMemorizing(name: string, { memorizing, began_memorizing: before }: Run): string {
  return before ? `${before.experiment}@${before.step}` : `${name}@${memorizing?.step}`;
}

/** None if no check found copies, of this run or of one before it. */
export function noteMemorizing(name: string, run: Run): Note[] {
  const texts = [...tellOwn(name, run), ...tellBefore(run)];
  return texts.map(text => ({ code: 'memorizing', count: 1, text, examples: [] }));
}

function tellOwn(name: string, { clean, memorizing }: Run): string[] {
  if (memorizing === undefined) return [];
  const { step, rate, extractor } = memorizing;
  const before = clean
    ? `step ${clean.step} is the last that does not, and stays: ${name}@clean`
    : 'no check found an earlier checkpoint without copies';
  return [
    `the model gives training pictures back: ${percent(rate)} of what it draws at step ${step} are copies by ` +
      `${extractor}; ${before}`,
  ];
}

function tellBefore({ began_memorizing: before }: Run): string[] {
  if (before === undefined) return [];
  const { experiment, step, rate, extractor } = before;
  return [
    `the model goes on from one that gives training pictures back: ${percent(rate)} of what ${experiment}@${step} draws ` +
      `are copies by ${extractor}`,
  ];
}
