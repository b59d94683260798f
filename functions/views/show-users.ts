/** @file Brings the views of experiments up to date when the dataset that they were made of means something newer. */
import { listHeads } from '../experiments/experiment-head.ts';
import type { ViewTarget } from './experiment-view.ts';
import { showHead } from './show-head.ts';

/** @param name Of the dataset. */
export async function showUsers({ store, blobs }: Omit<ViewTarget, 'name'>, name: string): Promise<void> {
  for (const user of await listHeads(store)) {
    if (user.head.dataset_name === name) await showHead({ store, blobs, name: user.name });
  }
}
