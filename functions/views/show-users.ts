/** @file Brings the views of experiments up to date when the dataset that they were made of means something newer. */
import { NotFound } from '../../errors.ts';
import { listHeads } from '../experiments/experiment-head.ts';
import { type ViewSite, viewOf } from './experiment-view.ts';
import { showHead } from './show-head.ts';

/** A view that cannot be written, since a blob is lost, is left as it is. @param name Of the dataset. */
export async function showUsers(site: ViewSite, name: string): Promise<void> {
  for (const user of await listHeads(site.store)) {
    if (user.head.dataset_name !== name) continue;
    try {
      await showHead(viewOf(site, user.name));
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
    }
  }
}
