/** @file Brings the views of runs up to date that go on from another one, when a check of that one was recorded. */
import { NotFound } from '../../errors.ts';
import { listDescendants } from '../experiments/copies-before.ts';
import { type ViewSite, viewOf } from './experiment-view.ts';
import { showHead } from './show-head.ts';

/** @param name Of the other one. */
export async function showDescendants(site: ViewSite, name: string): Promise<void> {
  await showRuns(site, await listDescendants(site.store, name));
}

/** A view that cannot be written, since a blob is lost, is left as it is. */
export async function showRuns(site: ViewSite, names: readonly string[]): Promise<void> {
  for (const name of names) {
    try {
      await showHead(viewOf(site, name));
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
    }
  }
}
