/** @file Takes away what an experiment shows of pictures, for people who ask that a picture of theirs be erased. */
import type { Clock } from '../../storage/clock.ts';
import { requireIdle } from '../experiments/require-idle.ts';
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
  await requireIdle({ store: site.store, now }, name, 'repeat the call');
  await forgetPictures(site, name);
}
