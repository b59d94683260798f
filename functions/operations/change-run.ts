/**
 * @file Changes keys of an experiment's config that decide no bits: how long chunks are, what is previewed, how many
 * checkpoints are kept. A driver reads the config before each chunk.
 */
import type { Config } from '../../configs/schema.ts';
import { Conflict } from '../../errors.ts';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson, type Json } from '../../storage/canonical.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { changeHead, type Experiment } from '../experiments/experiment-head.ts';

/** A config without the keys that may change at any time. `run.target` is changed by training to another target. */
export function fixedPart({ run: { target }, ...keyed }: Config): Json {
  return { ...keyed, run: target === undefined ? {} : { target } };
}

/**
 * Gives the experiment a config that is equal in its {@link fixedPart}.
 * @throws Conflict if another call changed the config meanwhile.
 */
export async function changeRun(
  { store, blobs }: { readonly store: ObjectStore; readonly blobs: BlobStore },
  name: string,
  before: Experiment,
  config: Config,
): Promise<Experiment> {
  if (canonicalJson(before.config) === canonicalJson(config)) return before;
  const { digest } = await putDocument(blobs, config);
  const head = await changeHead(store, name, now => {
    if (now.config === digest) return now;
    if (now.config === before.head.config) return { ...now, config: digest };
    throw new Conflict(`the config of the experiment "${name}" was changed by another call at the same time`, {
      hint: 'GET the experiment, then decide',
    });
  });
  return { head, config };
}
