/** @file Weights that give back the pictures of the people in them are not handed out by mistake. */
import { Unprocessable } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import type { AdmissionContext } from '../define.ts';
import { MEMORIZATION, readMemorization } from './border/memorization-artifact.ts';
import { findExperimentOf } from './find-kept.ts';

/**
 * @param accepted Whether the caller knows, and wants the weights.
 * @throws Unprocessable if a check found that the checkpoint has memorized training pictures. Says by an event how to
 * check if nobody did.
 */
export async function refuseMemorized(
  { store, blobs, progress }: AdmissionContext,
  checkpoint: Digest,
  accepted: boolean,
): Promise<void> {
  if (accepted) return;
  const kept = await findExperimentOf(store, checkpoint);
  const document = kept?.head.chunks.find(({ to }) => to === kept.step)?.artifacts[MEMORIZATION];
  if (document === undefined) {
    const name = kept ? `${kept.name}@${kept.step}` : 'NAME';
    progress({
      phase: 'export',
      message:
        'nobody has checked whether this model draws copies of its training pictures: ' +
        `POST /functions/check-memorization {"checkpoint": "${name}"} does`,
    });
    return;
  }
  const { memorized, spaces, limit } = await readMemorization(blobs, document);
  if (!memorized) return;
  const worst = spaces.reduce((a, b) => (b.excess > a.excess ? b : a));
  const rate = (share: number) => `${Number((100 * share).toFixed(2))} %`;
  throw new Unprocessable(
    `${kept?.name}@${kept?.step} has memorized training pictures: ${rate(worst.drawn.rate)} of what it draws are ` +
      `copies by ${worst.extractor}, and ${rate(worst.held_out?.rate ?? 0)} of held-out pictures look like copies`,
    {
      expected: `at most ${rate(limit)} above the held-out pictures`,
      hint:
        `look at experiments/${kept?.name}/memorization/; take an earlier checkpoint, or more pictures; or export it ` +
        'in spite of that: "memorized": "accept", easel export --accept-memorized',
    },
  );
}
