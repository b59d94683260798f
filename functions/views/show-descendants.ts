/** @file Brings the views of runs up to date that go on from another one, when a check of that one was recorded. */
import { NotFound } from '../../errors.ts';
import { listDescendants } from '../experiments/copies-before.ts';
import { type ViewSite, viewOf } from './experiment-view.ts';
import { showHead } from './show-head.ts';

/** A view that cannot be written, since a blob is lost, is left as it is. @param name Of the other one. */
export async function showDescendants(site: ViewSite, name: string): Promise<void> {
  for (const descendant of await listDescendants(site.store, name)) {
    try {
      await showHead(viewOf(site, descendant));
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
    }
  }
}
