/** @file The weights that detect the pose of a picture for a sample. */
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { dwposeEncoder } from '../encoders/dwpose.ts';
import { findWeights } from '../encoders/installed-weights.ts';
import { splitName } from '../execution/names.ts';
import { readConfig, readHead } from './experiment-head.ts';

/**
 * The installed weights, for a model whose config names none, as its poses come from elsewhere; otherwise undefined.
 * @param model Digest of a checkpoint, or the name of an experiment, also with @step.
 * @throws NotFound, Unprocessable if the weights are needed and not installed.
 */
export async function findPoseWeights(
  { store, blobs }: { readonly store: ObjectStore; readonly blobs: BlobStore },
  model: string,
): Promise<Record<string, Digest[]> | undefined> {
  const { pose } = (await readModel({ store, blobs }, model)).conditions ?? {};
  return pose === undefined || pose.weights ? undefined : findWeights(store, dwposeEncoder);
}

async function readModel({ store, blobs }: { readonly store: ObjectStore; readonly blobs: BlobStore }, model: string) {
  if (isDigest(model)) return (await readKeyedConfig(blobs, (await readCheckpoint(blobs, model)).config)).model;
  return (await readConfig(blobs, (await readHead(store, splitName(model, 'model').name)).value)).model;
}
