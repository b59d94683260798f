/** @file Writes the whole view of an experiment again from its head and blobs, even during training. */
import { BlobMissing, Conflict } from '../../errors.ts';
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { listKept } from '../../storage/list-kept.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { eachChunk } from '../experiments/chunk-pages.ts';
import { readConfig, stepOf } from '../experiments/experiment-head.ts';
import { deleteView, type ViewTarget, writeCheckpointFile, writeChunkFiles, writeSummary } from './experiment-view.ts';
import { deleteFiles, eachFile, listFiles } from './view-files.ts';

/** Largest number of heads that are followed while the experiment moves on. Files of one head are kept for the next. */
const MAX_ROUNDS = 32;

/**
 * Writes every file again, since an existing file may be damaged. Deletes unknown files, or the whole view if the
 * experiment is gone.
 * @throws BlobMissing
 */
export async function rebuildView(view: ViewTarget, signal?: AbortSignal): Promise<void> {
  const refs = createRefs(view.store).experiments;
  const written = new Map<string, readonly string[]>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const head = await refs.read(view.name);
    if (!head) return deleteView(view.store, view.name);
    try {
      await writeAll(view, head.value, written, signal);
    } catch (error) {
      // A checkpoint that was pruned meanwhile has left the head, too.
      if (!(error instanceof BlobMissing) || (await refs.read(view.name))?.etag === head.etag) throw error;
      continue;
    }
    if ((await refs.read(view.name))?.etag === head.etag) return;
  }
  throw new Conflict(`the experiment "${view.name}" keeps changing`, { hint: 'try again' });
}

/** @param written Files that are already written, by the part of the head that they show. */
async function writeAll(
  view: ViewTarget,
  head: ExperimentHead,
  written: Map<string, readonly string[]>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const files = new Set<string>();
  const write = async (part: Json, work: () => Promise<readonly string[]>) => {
    const key = canonicalJson(part);
    const made = written.get(key) ?? (await work());
    written.set(key, made);
    for (const file of made) files.add(file);
  };
  await eachFile(eachChunk(view.blobs, head), chunk => write(chunk, () => writeChunkFiles(view, chunk)), signal);
  await eachFile(listKept(head), kept => write(kept, async () => [await writeCheckpointFile(view, kept)]), signal);
  await write(head, async () => writeSummary(view, head, await readConfig(view.blobs, head)));
  const folder = { store: view.store, prefix: `experiments/${view.name}/` };
  const stray = [...(await listFiles(folder))].filter(file => !files.has(file) && lastStepOf(file) <= stepOf(head));
  await deleteFiles(folder, stray);
}

/** Last step that a file's name contains. Files beyond the head belong to a chunk that the head will name soon. */
function lastStepOf(file: string): number {
  return Math.max(0, ...(file.match(/\d{7,}/g) ?? []).map(Number));
}
