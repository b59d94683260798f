/**
 * @file What the checks for copies of training pictures say of a run: the step from which on it memorizes, and the
 * last checkpoint before, which stays.
 */
import { findBlindSpace, findWorstSpace, type Memorization, percent } from '../../configs/memorization.ts';
import { BlobMissing } from '../../errors.ts';
import type { Chunk } from '../../storage/chunk-record.ts';
import type { ExperimentHead, KeptCheckpoint } from '../../storage/experiment-record.ts';
import { listKept, listKeptDigests } from '../../storage/list-kept.ts';
import type { Note } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { MEMORIZATION, readMemorization } from './border/memorization-step.ts';
import { readChunks } from './chunk-pages.ts';

export type Verdicts = Pick<ExperimentHead, 'clean' | 'memorizing'>;
/** With the place where it branched. */
type Run = Verdicts & Pick<ExperimentHead, 'branched_from'>;
type Memorizing = NonNullable<ExperimentHead['memorizing']>;

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
  if (checked.memorized) return { ...before, memorizing: summarize(kept.step, checked) };
  return findBlindSpace(checked) ? before : { clean: kept };
}

/**
 * The head with the verdicts of all its checks, after one was asked for. A checkpoint that nothing else keeps any more
 * is superseded.
 */
export async function judgeAll(blobs: BlobStore, head: ExperimentHead): Promise<ExperimentHead> {
  const kept = new Map(listKept(head).map(each => [each.step, each]));
  const { clean: former, memorizing: _, ...rest } = head;
  let clean: KeptCheckpoint | undefined;
  let memorizing = inherited(head);
  const chunks = memorizing ? [] : await readChunks(blobs, head);
  for (const { to, artifacts } of chunks) {
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
    if (checked?.memorized) return summarize(step, checked);
    return checked && checked.checkpoint === here?.checkpoint && !findBlindSpace(checked) ? 'clean' : undefined;
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

/** Whether a check of this step, or of an earlier one, found copies. */
export function isMemorizing({ memorizing }: Verdicts, step: number): boolean {
  return memorizing !== undefined && step >= memorizing.step;
}

/** Those with which a branch begins: a model that has memorized does not forget it by a branch. */
export function verdictsOfBranch(point: KeptCheckpoint, { memorizing }: Verdicts): Verdicts {
  return memorizing !== undefined && memorizing.step <= point.step ? { memorizing } : {};
}

/** Undefined: the run has none, or was not yet memorizing where it began. */
function inherited({ branched_from: point, memorizing }: Run): Memorizing | undefined {
  return point && verdictsOfBranch(point, { ...(memorizing && { memorizing }) }).memorizing;
}

/** `NAME@STEP` of the first check that found copies: of the run, or of the one from which it branched. */
export function describeMemorizing(name: string, run: Run): string {
  const maker = inherited(run) ? run.branched_from?.experiment : name;
  return `${maker}@${run.memorizing?.step}`;
}

/** None if no check found copies. */
export function noteMemorizing(name: string, run: Run): Note[] {
  const { clean, memorizing } = run;
  if (memorizing === undefined) return [];
  const { rate, extractor } = memorizing;
  const before = clean
    ? `step ${clean.step} is the last that does not, and stays: ${name}@clean`
    : inherited(run)
      ? 'it branched from there'
      : 'no check found an earlier checkpoint without copies';
  const place = inherited(run) ? describeMemorizing(name, run) : `step ${memorizing.step}`;
  const text =
    `the model gives training pictures back: ${percent(rate)} of what it draws at ${place} ` +
    `are copies by ${extractor}; ${before}`;
  return [{ code: 'memorizing', count: 1, text, examples: [] }];
}

function summarize(step: number, checked: Memorization): Memorizing {
  const worst = findWorstSpace(checked);
  return { step, rate: worst.drawn.rate, extractor: worst.extractor };
}
