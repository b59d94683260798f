/**
 * @file Keeps a document with the checkpoint that it is about: it stays as long as the experiment, and its view shows
 * it.
 */
import type { Digest } from '../../storage/digest.ts';
import { changeHead } from '../experiments/experiment-head.ts';
import { stepName, type ViewSite, viewOf, writeChunkFiles } from '../views/experiment-view.ts';
import { showHead } from '../views/show-head.ts';

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

/**
 * Names the document in the chunk that ends at the step, instead of an earlier one, and writes its files.
 * @returns The folder of the view that has them; undefined if no chunk of the experiment ends there, as in a branch at
 * the step where it begins. Then nothing is kept. @throws NotFound if there is no such experiment.
 */
export async function recordArtifact(
  site: ViewSite,
  { name, step, artifact, folder }: ArtifactPlace,
  document: Digest,
): Promise<string | undefined> {
  const head = await changeHead(site.store, name, now => {
    const chunk = now.chunks.find(({ to }) => to === step);
    if (chunk === undefined || chunk.artifacts[artifact] === document) return now;
    const changed = { ...chunk, artifacts: { ...chunk.artifacts, [artifact]: document } };
    return { ...now, chunks: now.chunks.map(each => (each === chunk ? changed : each)) };
  });
  const chunk = head.chunks.find(({ to }) => to === step);
  if (chunk === undefined) return undefined;
  const view = viewOf(site, name);
  await writeChunkFiles(view, chunk);
  await showHead(view);
  return `experiments/${name}/${folder}/${stepName(step)}/`;
}
