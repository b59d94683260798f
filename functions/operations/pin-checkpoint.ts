/** @file A pinned checkpoint stays until somebody unpins it, however far the training goes on. */
import type { Digest } from '../../storage/digest.ts';
import { listKeptDigests } from '../../storage/list-kept.ts';
import { changeHead, type Experiment, readConfig, readHead } from '../experiments/experiment-head.ts';
import { chooseKept, keepCheckpoint } from '../experiments/kept-checkpoints.ts';
import { deleteCheckpointFile, type ViewSite, viewOf } from '../views/experiment-view.ts';
import { showHead } from '../views/show-head.ts';

/**
 * @param choice A step, the digest of a checkpoint, or `latest`.
 * @throws NotFound naming the kept steps if the experiment does not keep that checkpoint; BlobMissing if it lost blobs.
 */
export async function pinCheckpoint(
  site: ViewSite,
  name: string,
  choice: number | Digest | 'latest',
): Promise<Experiment> {
  const { store, blobs } = site;
  const chosen = chooseKept(name, (await readHead(store, name)).value, choice);
  await keepCheckpoint(blobs, chosen.checkpoint);
  const head = await changeHead(store, name, now => {
    // The training may have moved on: what it superseded is about to be deleted.
    const kept = chooseKept(name, now, chosen.checkpoint);
    if (now.pinned.some(({ checkpoint }) => checkpoint === kept.checkpoint)) return now;
    return { ...now, pinned: [...now.pinned, kept].sort((a, b) => a.step - b.step) };
  });
  const config = await readConfig(blobs, head);
  await showHead(viewOf(site, name));
  return { head, config };
}

/**
 * Unpins the checkpoint of a step; does nothing if it is not pinned. If the history does not hold the checkpoint, the
 * next training or gc deletes its blobs.
 * @throws NotFound if there is no such experiment.
 */
export async function unpinCheckpoint(site: ViewSite, name: string, step: number): Promise<Experiment> {
  const { store, blobs } = site;
  const head = await changeHead(store, name, now => {
    const gone = now.pinned.filter(kept => kept.step === step);
    if (gone.length === 0) return now;
    const left = { ...now, pinned: now.pinned.filter(kept => kept.step !== step) };
    const kept = new Set(listKeptDigests(left));
    return { ...left, superseded: [...now.superseded, ...gone.filter(({ checkpoint }) => !kept.has(checkpoint))] };
  });
  const view = viewOf(site, name);
  for (const gone of head.superseded) if (gone.step === step) await deleteCheckpointFile(view, gone);
  const config = await readConfig(blobs, head);
  await showHead(view);
  return { head, config };
}
