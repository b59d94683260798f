/** @file Takes away what an experiment shows of pictures, for people who ask that a picture of theirs be erased. */
import { Conflict } from '../../errors.ts';
import type { Clock } from '../../storage/clock.ts';
import { readLease } from '../../storage/names/lease.ts';
import { readHead } from '../experiments/experiment-head.ts';
import type { ViewSite } from '../views/experiment-view.ts';
import { forgetPictures } from './forget-pictures.ts';

/**
 * Pairs of held-out pictures, validations with their collages, and sheets of checks for copies go, from the head and
 * the view. The dataset, checkpoints, previews and verdicts stay. `gc` erases the blobs.
 * @throws NotFound; Conflict while the experiment is in training.
 */
export async function forgetExperimentPictures(
  { now, ...site }: ViewSite & { readonly now: Clock['now'] },
  name: string,
): Promise<void> {
  const { value: head } = await readHead(site.store, name);
  if (head.state === 'running' || (await readLease(site.store, name, now()))) {
    throw new Conflict(`the experiment "${name}" is in training, and shows more pictures at the end of each chunk`, {
      expected: 'an experiment that is not in training',
      hint: `POST /experiments/${name}/pause, and repeat the call when its chunk has ended`,
      retryAfterSeconds: 5,
    });
  }
  await forgetPictures(site, name);
}
