/**
 * @file What an experiment keeps of its checkpoints shows pictures that it was trained on or validated with, and says
 * their captions. It goes when the dataset is deleted: the pictures may show real people.
 */
import { AppError, BlobMissing } from '../../errors.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Chunk } from '../../storage/chunk-record.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { BlobStore } from '../../storage/types.ts';
import { MEMORIZATION, readMemorization } from '../experiments/border/memorization-step.ts';
import { eachChunk, withChunks } from '../experiments/chunk-pages.ts';
import { changeHead } from '../experiments/experiment-head.ts';
import { type ViewSite, viewOf } from '../views/experiment-view.ts';
import { rebuildView } from '../views/rebuild-experiment-view.ts';
import { deleteFiles, listFiles } from '../views/view-files.ts';

/** Pairs of held-out pictures, and collages of validations, by their keys in a chunk's `artifacts`. */
const SHOWING: readonly string[] = ['held_out', 'suite'];
/** Of the view: what these artifacts and the sheet of a memorization check wrote. The events show pictures, too. */
const FOLDERS = ['held-out', 'validation', 'memorization', 'tensorboard'];

/**
 * Takes these artifacts out of the head and the view. Of a memorization check the verdict stays without its sheet,
 * since `export` reads it. Scores of `evaluate` are numbers, and stay. Killed, the same call goes on.
 * @returns The head without them.
 */
export async function forgetPictures(site: ViewSite, name: string): Promise<ExperimentHead> {
  const left = await changeHead(site.store, name, async head => {
    const chunks: Chunk[] = [];
    for await (const { artifacts, ...chunk } of eachChunk(site.blobs, head, { skipLost: true })) {
      chunks.push({ ...chunk, artifacts: await withoutPictures(site.blobs, artifacts) });
    }
    return withChunks(site.blobs, head, chunks);
  });
  for (const folder of FOLDERS) {
    const files = { store: site.store, prefix: `experiments/${name}/${folder}/` };
    await deleteFiles(files, await listFiles(files));
  }
  // A view of lost blobs cannot be written whole.
  await rebuildView(viewOf(site, name)).catch((error: unknown) => {
    if (!(error instanceof BlobMissing)) throw error;
  });
  return left;
}

async function withoutPictures(blobs: BlobStore, artifacts: Chunk['artifacts']): Promise<Chunk['artifacts']> {
  const stays: [string, Digest][] = [];
  for (const [key, digest] of Object.entries(artifacts)) {
    if (SHOWING.includes(key)) continue;
    const kept = key === MEMORIZATION ? await putVerdict(blobs, digest) : digest;
    if (kept) stays.push([key, kept]);
  }
  return Object.fromEntries(stays);
}

/** The check without its sheet; undefined if it cannot be read. */
async function putVerdict(blobs: BlobStore, check: Digest): Promise<Digest | undefined> {
  try {
    const { sheet: _, ...verdict } = await readMemorization(blobs, check);
    return (await putDocument(blobs, { ...verdict, links: [] } as unknown as Json)).digest;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
