/** @file Brings the views of experiments up to date when the dataset that they were made of means something newer. */
import { listHeads } from '../experiments/experiment-head.ts';
import { type ViewSite, viewOf } from './experiment-view.ts';
import { showHead } from './show-head.ts';

/** @param name Of the dataset. */
export async function showUsers(site: ViewSite, name: string): Promise<void> {
  for (const user of await listHeads(site.store)) {
    if (user.head.dataset_name === name) await showHead(viewOf(site, user.name));
  }
}
