/**
 * @file Brings the view of an experiment up to its head. A view shows only the head, so a driver that lost it shows
 * nothing.
 */
import { BlobMissing } from '../../errors.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { listKept } from '../../storage/list-kept.ts';
import { readConfig, readHead } from '../experiments/experiment-head.ts';
import {
  deleteCheckpointFile,
  type ViewTarget,
  writeCheckpointFile,
  writeChunkFiles,
  writeSummary,
} from './experiment-view.ts';

/** Largest number of rounds while others move the head. After these, the others show theirs. */
const MAX_ROUNDS = 16;

/**
 * Writes the files of the last chunk and its checkpoint, and the summary; earlier files were written before the head
 * moved. Repeats this until the head stands still, so that a slow writer does not leave an older state behind.
 * @returns The head that the view shows. @throws NotFound if the experiment is gone.
 */
export async function showHead(view: ViewTarget): Promise<ExperimentHead> {
  let { value: head, etag } = await readHead(view.store, view.name);
  // Its view is gone, or goes.
  for (let round = 0; round < MAX_ROUNDS && !head.deleting; round++) {
    await showLastChunk(view, head);
    await writeSummary(view, head, await readConfig(view.blobs, head));
    const now = await readHead(view.store, view.name);
    if (now.etag === etag) break;
    const shown = head.history.at(-1);
    if (shown && !listKept(now.value).some(kept => kept.step === shown.step)) await deleteCheckpointFile(view, shown);
    ({ value: head, etag } = now);
  }
  return head;
}

/** Writes the files of the last chunk. Skips a lost blob: its file is written again when the blob is. */
async function showLastChunk(view: ViewTarget, head: ExperimentHead): Promise<void> {
  const [chunk, kept] = [head.chunks.at(-1), head.history.at(-1)];
  try {
    if (chunk) await writeChunkFiles(view, chunk);
    if (kept) await writeCheckpointFile(view, kept);
  } catch (error) {
    if (!(error instanceof BlobMissing)) throw error;
  }
}
