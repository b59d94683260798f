/** @file Weights that give back the pictures of the people in them are not handed out by mistake. */
import { findBlindSpace, findStrongestEvidence, percent } from '../../configs/copy-evidence.ts';
import type { Memorization } from '../../configs/memorization.ts';
import { Unprocessable } from '../../errors.ts';
import { readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { listKept } from '../../storage/list-kept.ts';
import type { AdmissionContext } from '../define.ts';
import { MEMORIZATION, readMemorization } from './border/memorization-step.ts';
import { findChunk } from './chunk-pages.ts';
import { describeMemorizing, isMemorizing } from './copies.ts';
import { withBefore } from './copies-before.ts';
import { listHeads } from './experiment-head.ts';
import { findExperimentOf, isMaker, type KeptOf } from './find-kept.ts';
import { settleOrigin } from './settle-origin.ts';

type Site = Pick<AdmissionContext, 'store' | 'blobs'>;

/**
 * @param accepted Whether the caller knows, and wants the weights.
 * @throws Unprocessable if a check found that the checkpoint has memorized training pictures. Says by an event how to
 * check if nobody did, or that a check cannot tell.
 */
export async function refuseMemorized(
  { store, blobs, progress }: AdmissionContext,
  checkpoint: Digest,
  accepted: boolean,
): Promise<void> {
  if (accepted) return;
  const checks = await findChecks({ store, blobs }, checkpoint);
  if (checks.every(({ found }) => findBlindSpace(found))) {
    await refuseLater({ store, blobs }, checkpoint);
    const [blind] = checks;
    const message = blind ? tellBlind(blind) : tellUnchecked(await findExperimentOf(store, checkpoint));
    progress({ phase: 'export', message });
    return;
  }
  const failed = checks.find(({ found }) => found.memorized);
  if (failed === undefined) return;
  const { name, step, found } = failed;
  const worst = findStrongestEvidence(found);
  throw new Unprocessable(
    `${name}@${step} has memorized training pictures: ${percent(worst.rate)} ${worst.among} are copies by ` +
      `${worst.extractor}, and ${percent(worst.floor)} of what cannot be remembered`,
    {
      expected: `at most ${percent(found.limit)} above what cannot be remembered`,
      hint:
        `look at experiments/${name}/memorization/; take an earlier checkpoint (${name}@clean is the last that passed), or more pictures; or export it ` +
        'in spite of that: "memorized": "accept", easel export --accept-memorized',
    },
  );
}

function tellUnchecked(kept: KeptOf | undefined): string {
  const name = kept ? `${kept.name}@${kept.step}` : 'NAME';
  return (
    'nobody has checked whether this model draws copies of its training pictures: ' +
    `easel check-memorization ${name}, or POST /functions/check-memorization {"checkpoint": "${name}"}, does`
  );
}

function tellBlind({ name, step }: Check): string {
  return (
    `the check of ${name}@${step} cannot tell whether the model draws copies of its training pictures: ` +
    `most held-out pictures look like copies, too; look at experiments/${name}/memorization/`
  );
}

/**
 * @throws Unprocessable if an earlier checkpoint has memorized, of the same experiment or of one from which it goes on,
 * and nobody checked this one; Conflict if nobody can know, since the call that created the experiment was killed.
 */
async function refuseLater(site: Site, checkpoint: Digest): Promise<void> {
  const holders = (await listHeads(site.store)).map(({ name, head }) => {
    return { name, stored: head, kept: listKept(head).find(each => each.checkpoint === checkpoint) };
  });
  // Those first that can name it.
  for (const { name, stored, kept } of holders.toSorted((a, b) => Number(!a.kept) - Number(!b.kept))) {
    if (kept === undefined && stored.init_from?.checkpoint !== checkpoint) continue;
    const head = await withBefore(site, await settleOrigin(site.store, name, stored));
    if (kept ? !isMemorizing(head, kept.step) : !head.began_memorizing) continue;
    const maker = await findExperimentOf(site.store, checkpoint);
    // Of a checkpoint whose run was deleted, a check changes only what a check said of it itself.
    const isJudged = maker && (isMaker(maker) || head.began_memorizing?.step === kept?.step);
    const what = kept ? `${name}@${kept.step}` : `the checkpoint with whose weights "${name}" began`;
    throw new Unprocessable(`${what} was trained on after ${describeMemorizing(name, head)} had memorized`, {
      expected: 'a checkpoint from before, or one whose own check finds no copies',
      hint:
        (kept && head.clean ? `export ${name}@clean, of step ${head.clean.step}; or ` : '') +
        (kept && isJudged ? `check this one: easel check-memorization ${what}; or ` : '') +
        'export it in spite of that: "memorized": "accept", easel export --accept-memorized',
    });
  }
}

interface Check {
  /** Of the experiment that keeps the verdict. */
  readonly name: string;
  readonly step: number;
  readonly found: Memorization;
}

/**
 * The last verdict of each experiment on a checkpoint. Equal trainings end in one checkpoint, and a verdict outlives a
 * checkpoint that was pruned: so each experiment is asked, and the document says which checkpoint it is about.
 */
async function findChecks({ store, blobs }: Site, checkpoint: Digest): Promise<Check[]> {
  const { step } = await readCheckpoint(blobs, checkpoint);
  const checks: Check[] = [];
  for (const { name, head } of await listHeads(store)) {
    const document = (await findChunk(blobs, head, step))?.artifacts[MEMORIZATION];
    const found = document && (await readMemorization(blobs, document));
    if (found?.checkpoint === checkpoint) checks.push({ name, step, found });
  }
  return checks;
}
