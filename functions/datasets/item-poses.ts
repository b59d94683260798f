/** @file The joints that a set gives with its pictures: npy f32 [133, (x, y, confidence)] about the whole picture. */
import type { Digest } from '../../storage/digest.ts';
import type { Item } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** By id, of the items that have joints. Every archive is read once. @throws BlobMissing */
export async function readItemPoses(blobs: BlobStore, items: readonly Item[]): Promise<Map<string, Uint8Array>> {
  const archives = new Map<Digest, Promise<Uint8Array>>();
  const poses = new Map<string, Uint8Array>();
  for (const { id, pose } of items) {
    if (pose === undefined) continue;
    const archive = archives.get(pose.archive) ?? blobs.get(pose.archive);
    archives.set(pose.archive, archive);
    poses.set(id, (await archive).subarray(pose.offset, pose.offset + pose.size));
  }
  return poses;
}
