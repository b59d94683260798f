/** @file Which checkpoints' blobs stay. */
import type { CheckpointWord } from '../../configs/stored-names.ts';
import { BlobMissing, NotFound } from '../../errors.ts';
import { findMissing } from '../../storage/blobs/cas.ts';
import { readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { ExperimentHead, KeptCheckpoint } from '../../storage/experiment-record.ts';
import { actionKey, blobKey } from '../../storage/keys.ts';
import { listKept, listKeptDigests } from '../../storage/list-kept.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { Checkpoint } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { findCheckpoint } from '../execution/names.ts';

/** Manifests, or heads, read at once. */
const READ_WIDTH = 16;

/** Whether the manifest and every tensor of it are there. */
export async function isComplete(blobs: BlobStore, checkpoint: Digest): Promise<boolean> {
  return (await findLost(blobs, checkpoint)) === undefined;
}

/** The first blob of the checkpoint that is not there: the manifest, or a tensor. */
export async function findLost(blobs: BlobStore, checkpoint: Digest): Promise<Digest | undefined> {
  const manifest = await readIfThere(blobs, checkpoint);
  return manifest ? findMissing(tensorsOf(manifest), blobs.head) : checkpoint;
}

/**
 * One of the checkpoints that the experiment keeps.
 * @param choice A step, the digest of a checkpoint, or a word for one.
 * @throws NotFound naming the steps that are kept; Unprocessable if no checkpoint is the newest, best or clean one yet.
 */
export function chooseKept(
  name: string,
  head: ExperimentHead,
  choice: number | Digest | CheckpointWord,
): KeptCheckpoint {
  if (typeof choice === 'number' || !isDigest(choice)) return findCheckpoint(name, head, String(choice));
  const kept = listKept(head);
  const found = kept.find(({ checkpoint }) => checkpoint === choice);
  if (found) return found;
  throw new NotFound(`the experiment "${name}" does not keep the checkpoint ${choice}`, {
    expected: `a checkpoint of one of the steps ${kept.map(({ step }) => step).join(', ') || '(none yet)'}`,
    hint: `GET /experiments/${name} lists them`,
  });
}

/**
 * Extends the life of all blobs of a checkpoint, before a name relies on them. @throws BlobMissing naming a missing
 * blob.
 */
export async function keepCheckpoint(blobs: BlobStore, checkpoint: Digest): Promise<void> {
  const { links } = await readCheckpoint(blobs, checkpoint);
  // One after the other: an old blob passes through memory as a whole.
  for (const digest of [checkpoint, ...links]) {
    if ((await blobs.keep(digest)) !== undefined) continue;
    throw new BlobMissing(`the checkpoint ${checkpoint} is incomplete: there is no blob ${digest}`, {
      details: { digest },
      hint: 'train the experiment that made it: it goes back to a checkpoint that is whole',
    });
  }
}

/** @throws BlobMissing naming the blob when the checkpoint at which a branch began is not whole. */
export async function requireBranchPoint(
  blobs: BlobStore,
  name: string,
  { branched_from }: ExperimentHead,
): Promise<void> {
  const digest = branched_from && (await findLost(blobs, branched_from.checkpoint));
  if (branched_from === undefined || digest === undefined) return;
  const { experiment, step } = branched_from;
  throw new BlobMissing(`the checkpoint of step ${step} at which "${name}" began is lost: there is no blob ${digest}`, {
    details: { digest },
    hint: `DELETE /experiments/${name}, and branch again from a checkpoint that "${experiment}" keeps`,
  });
}

/**
 * Deletes a superseded checkpoint that no experiment keeps. Deletes first the result that names it, so that no call
 * finds it, then the tensors that no kept checkpoint shares, and last the manifest, so that a killed prune can go on.
 */
export async function pruneCheckpoint(store: ObjectStore, blobs: BlobStore, gone: KeptCheckpoint): Promise<void> {
  const kept = await listKeptBlobs(store, blobs);
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

/** Manifests and tensors of the checkpoints that any experiment keeps. */
async function listKeptBlobs(store: ObjectStore, blobs: BlobStore): Promise<ReadonlySet<Digest>> {
  const checkpoints = [...new Set((await readAllHeads(store)).flatMap(listKeptDigests))];
  const before = known.get(blobs);
  const tensors = new Map<Digest, readonly Digest[]>();
  await mapBounded(checkpoints, { width: READ_WIDTH }, async checkpoint => {
    const found = before?.get(checkpoint) ?? (await readTensors(blobs, checkpoint));
    if (found) tensors.set(checkpoint, found);
  });
  known.set(blobs, tensors);
  return new Set([...checkpoints, ...[...tensors.values()].flat()]);
}

/**
 * The heads of all experiments, also of those created meanwhile. A new branch may have taken over a checkpoint from a
 * parent that was read only after it had let the checkpoint go.
 */
async function readAllHeads(store: ObjectStore): Promise<ExperimentHead[]> {
  const refs = createRefs(store).experiments;
  const heads = new Map<string, ExperimentHead | undefined>();
  for (;;) {
    const names = (await refs.list()).filter(name => !heads.has(name));
    if (names.length === 0) return [...heads.values()].filter(head => head !== undefined);
    await mapBounded(names, { width: READ_WIDTH }, async name => void heads.set(name, (await refs.read(name))?.value));
  }
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
