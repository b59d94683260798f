/**
 * @file Keeps a document with the checkpoint that it is about: it stays as long as the experiment, and its view shows
 * it.
 */
import { Conflict } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { MEMORIZATION } from '../experiments/border/memorization-step.ts';
import { findChunk, readChunks, withChunks } from '../experiments/chunk-pages.ts';
import { judgeAll } from '../experiments/copies.ts';
import { changeHead, deletedMeanwhile, readHead } from '../experiments/experiment-head.ts';
import { stepName, type ViewSite, viewOf, writeChunkFiles } from '../views/experiment-view.ts';
import { showDescendants } from '../views/show-descendants.ts';
import { showHead } from '../views/show-head.ts';
import { deleteFiles, listFiles } from '../views/view-files.ts';

export interface ArtifactPlace {
  /** Of the experiment. */
  readonly name: string;
  /** Of the checkpoint: the end of a chunk. */
  readonly step: number;
  /** Key in the chunk's `artifacts`. */
  readonly artifact: string;
  /** Of the artifact in the view. */
  readonly folder: string;
}

/** Lost races before a document is given up. Each means that another call recorded one. */
const MAX_ROUNDS = 16;

/**
 * Names the document in the chunk that ends at the step, instead of an earlier one, and writes its files.
 * @param document Or what makes it of the one that is named now; it is asked again if another call was faster.
 * @returns The folder of the view that has them; undefined if no chunk of the experiment ends there, as in a branch at
 * the step where it begins. Then nothing is kept. @throws NotFound if there is no such experiment; Conflict if its
 * dataset was deleted, or under endless contention.
 */
export async function recordArtifact(
  site: ViewSite,
  place: ArtifactPlace,
  document: Digest | ((earlier: Digest | undefined) => Promise<Digest>),
): Promise<string | undefined> {
  const { name, step, artifact, folder } = place;
  const chunkOf = (head: ExperimentHead) => findChunk(site.blobs, head, step);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { value } = await readHead(site.store, name);
    const before = await chunkOf(value);
    if (before === undefined) return undefined;
    if (value.dataset_deleted) throw deletedMeanwhile(name);
    const earlier = before.artifacts[artifact];
    const digest = typeof document === 'string' ? document : await document(earlier);
    const head = await changeHead(site.store, name, async now => {
      if (now.dataset_deleted) throw deletedMeanwhile(name);
      const chunk = await chunkOf(now);
      if (chunk === undefined || chunk.artifacts[artifact] !== earlier || earlier === digest) return now;
      const changed = { ...chunk, artifacts: { ...chunk.artifacts, [artifact]: digest } };
      const chunks = await readChunks(site.blobs, now);
      const recorded = await withChunks(
        site.blobs,
        now,
        chunks.map(each => (each.to === step ? changed : each)),
      );
      return artifact === MEMORIZATION ? judgeAll(site.blobs, recorded) : recorded;
    });
    const chunk = await chunkOf(head);
    if (chunk?.artifacts[artifact] !== digest) continue;
    const view = viewOf(site, name);
    const files = await writeChunkFiles(view, chunk);
    await deleteStray(site, place, digest, files);
    await showHead(view);
    await refuseDeleted(site, place, digest);
    if (artifact === MEMORIZATION) await showDescendants(site, name);
    return `experiments/${name}/${folder}/${stepName(step)}/`;
  }
  throw new Conflict(`other calls keep recording ${artifact} of step ${step} of "${name}"`, { hint: 'try again' });
}

/** Takes back files that were written after the deletion of the dataset took their document away. */
async function refuseDeleted(site: ViewSite, { name, step, artifact, folder }: ArtifactPlace, document: Digest) {
  const head = (await readHead(site.store, name)).value;
  const chunk = await findChunk(site.blobs, head, step);
  if (!head.dataset_deleted || chunk?.artifacts[artifact] === document) return;
  const files = { store: site.store, prefix: `experiments/${name}/${folder}/${stepName(step)}/` };
  await deleteFiles(files, await listFiles(files));
  if (chunk) await writeChunkFiles(viewOf(site, name), chunk);
  throw deletedMeanwhile(name);
}

/** Deletes what the view shows of an earlier document. A later one, of another call, writes its own files. */
async function deleteStray(
  { store, blobs }: ViewSite,
  { name, step, artifact, folder }: ArtifactPlace,
  document: Digest,
  files: readonly string[],
): Promise<void> {
  const own = `${folder}/${stepName(step)}/`;
  const written = new Set(files);
  const at = { store, prefix: `experiments/${name}/` };
  const found = await listFiles({ store, prefix: at.prefix + own });
  const stray = [...found].map(file => own + file).filter(file => !written.has(file));
  if (stray.length === 0) return;
  const chunk = await findChunk(blobs, (await readHead(store, name)).value, step);
  if (chunk?.artifacts[artifact] === document) await deleteFiles(at, stray);
}
