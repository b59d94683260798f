/** @file Which checkpoints' blobs stay. */
import { BlobMissing } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import { readCheckpoint } from '../../storage/document-blobs.ts';
import { findMissing } from '../../storage/find-missing.ts';
import { actionKey, blobKey } from '../../storage/keys.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Checkpoint, KeptCheckpoint } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { listHeads } from './experiment-head.ts';

/** Manifests read at once. */
const READ_WIDTH = 16;

/** Whether the manifest and every tensor of it are there. */
export async function isComplete(blobs: BlobStore, checkpoint: Digest | undefined): Promise<boolean> {
  const manifest = checkpoint && (await readIfThere(blobs, checkpoint));
  return manifest !== undefined && (await findMissing(tensorsOf(manifest), blobs.head)) === undefined;
}

/**
 * Deletes a superseded checkpoint that no experiment keeps: the result that names it first, so that nobody is led to it, then the
 * tensors that no kept checkpoint shares, and the manifest last, so that a killed prune still knows what to delete.
 */
export async function pruneCheckpoint(store: ObjectStore, blobs: BlobStore, gone: KeptCheckpoint): Promise<void> {
  const kept = await listKept(store, blobs);
  if (kept.has(gone.checkpoint)) return;
  await store.delete(actionKey('train-chunk', gone.result));
  const manifest = await readIfThere(blobs, gone.checkpoint);
  if (manifest === undefined) return;
  for (const digest of tensorsOf(manifest)) {
    if (!kept.has(digest)) await store.delete(blobKey(digest));
  }
  await store.delete(blobKey(gone.checkpoint));
}

/** Tensors of the manifests that the last look found kept: they are what their digest says, so none is read twice. */
const known = new WeakMap<BlobStore, ReadonlyMap<Digest, readonly Digest[]>>();

/** Manifests and tensors of the checkpoints in any experiment's history. */
async function listKept(store: ObjectStore, blobs: BlobStore): Promise<ReadonlySet<Digest>> {
  const histories = (await listHeads(store)).flatMap(({ head }) => head.history);
  const checkpoints = [...new Set(histories.map(({ checkpoint }) => checkpoint))];
  const before = known.get(blobs);
  const tensors = new Map<Digest, readonly Digest[]>();
  await mapBounded(checkpoints, { width: READ_WIDTH }, async checkpoint => {
    const found = before?.get(checkpoint) ?? (await readTensors(blobs, checkpoint));
    if (found) tensors.set(checkpoint, found);
  });
  known.set(blobs, tensors);
  return new Set([...checkpoints, ...[...tensors.values()].flat()]);
}

async function readTensors(blobs: BlobStore, checkpoint: Digest): Promise<readonly Digest[] | undefined> {
  const manifest = await readIfThere(blobs, checkpoint);
  return manifest && tensorsOf(manifest);
}

function tensorsOf({ tensors }: Checkpoint): Digest[] {
  return [...tensors.model, ...tensors.optimizer, ...tensors.ema];
}

async function readIfThere(blobs: BlobStore, digest: Digest): Promise<Checkpoint | undefined> {
  try {
    return await readCheckpoint(blobs, digest);
  } catch (error) {
    if (error instanceof BlobMissing) return undefined;
    throw error;
  }
}
