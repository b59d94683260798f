/** @file The checkpoint that a chunk goes on from. */
import type { KeyedConfig } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { putDocument, readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Checkpoint } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { checkSuccession } from './succession.ts';

interface ParentClaim {
  readonly config: Digest;
  readonly parent?: Digest | undefined;
  readonly parent_config?: Digest | undefined;
  readonly new_epoch?: true | undefined;
  readonly from: number;
}

/**
 * The checkpoint to go on from; one of a config that was left on purpose as a checkpoint of the new one, and one of
 * another dataset at the beginning of its next epoch.
 */
export async function openParent(
  blobs: BlobStore,
  config: KeyedConfig,
  claim: ParentClaim,
): Promise<Digest | undefined> {
  if (claim.parent === undefined) {
    if (claim.from === 0) return undefined;
    throw new Unprocessable(`step ${claim.from} needs a checkpoint to go on from`, {
      expected: 'parent, or from = 0 for a fresh model',
    });
  }
  const parent = await readCheckpoint(blobs, claim.parent);
  if (parent.step !== claim.from) {
    throw new Unprocessable(`the checkpoint is at step ${parent.step}, the chunk starts at ${claim.from}`, {
      expected: `from = ${parent.step}`,
    });
  }
  const stated = claim.parent_config ?? claim.config;
  if (parent.config !== stated) {
    throw new Unprocessable(`a checkpoint from another config: it was trained with ${parent.config}, not ${stated}`, {
      expected: 'the config that the checkpoint was trained with',
      hint: 'train that config, or state the other one as parent_config to go on under a changed config',
    });
  }
  if (parent.config === claim.config && !claim.new_epoch) return claim.parent;
  if (parent.config !== claim.config) checkSuccession(await readKeyedConfig(blobs, parent.config), config);
  const links = parent.links.map(link => (link === parent.config ? claim.config : link));
  const cursor = claim.new_epoch ? { epoch: parent.cursor.epoch + 1, position: 0 } : parent.cursor;
  const moved: Checkpoint = { ...parent, cursor, config: claim.config, links };
  return (await putDocument(blobs, moved)).digest;
}
