/** @file The experiment and the checkpoint that a name, with its version, or a digest means. */
import { NotFound } from '../../errors.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { listKept } from '../../storage/list-kept.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { findCheckpoint, splitName } from '../execution/names.ts';
import { listHeads, readHead } from './experiment-head.ts';

export interface KeptOf {
  readonly name: string;
  readonly head: ExperimentHead;
  readonly step: number;
  readonly checkpoint: Digest;
}

/**
 * @param text NAME, NAME@STEP, NAME@latest, NAME@best, NAME@clean, or the digest of a kept checkpoint.
 * @throws InvalidInput, NotFound, Unprocessable
 */
export async function findKept(store: ObjectStore, text: string, key = 'checkpoint'): Promise<KeptOf> {
  if (isDigest(text)) {
    const found = await findExperimentOf(store, text);
    if (found) return found;
    throw new NotFound(`no experiment keeps the checkpoint ${text}`, {
      expected: 'NAME, NAME@STEP, NAME@latest, NAME@best, NAME@clean, or the digest of a checkpoint that is kept',
    });
  }
  const { name, version } = splitName(text, key);
  const { value: head } = await readHead(store, name);
  const { step, checkpoint } = findCheckpoint(name, head, version);
  return { name, head, step, checkpoint };
}

/** The experiment that has made a checkpoint, and keeps it. */
export async function findExperimentOf(store: ObjectStore, checkpoint: Digest): Promise<KeptOf | undefined> {
  const all = (await listHeads(store)).flatMap(({ name, head }) =>
    listKept(head).flatMap(kept =>
      kept.checkpoint === checkpoint ? [{ name, head, step: kept.step, checkpoint }] : [],
    ),
  );
  // A branch keeps the checkpoint at which it begins, too.
  return all.find(isMaker) ?? all[0];
}

/**
 * The experiment with which a document about a checkpoint stays: one that has made it. A branch has not made the
 * checkpoint at which it begins.
 */
export async function findMaker(store: ObjectStore, kept: KeptOf): Promise<KeptOf> {
  if (isMaker(kept)) return kept;
  return (await findExperimentOf(store, kept.checkpoint)) ?? kept;
}

/** Whether the experiment has made the checkpoint. Where none has, the one that made it was deleted. */
export function isMaker({ head, step }: Pick<KeptOf, 'head' | 'step'>): boolean {
  return step > (head.branched_from?.step ?? 0);
}
