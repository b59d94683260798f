/** @file The names of datasets that experiments were made of. */
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { changeHead, listHeads } from './experiment-head.ts';

/**
 * A name that means the dataset now.
 * @param preferred This one, if it does.
 */
export async function findDatasetName(
  store: ObjectStore,
  dataset: Digest,
  preferred?: string,
): Promise<string | undefined> {
  const { datasets } = createRefs(store);
  const means = async (name: string) => (await datasets.read(name))?.value.dataset === dataset;
  if (preferred !== undefined && (await means(preferred))) return preferred;
  for (const name of await datasets.list()) if (await means(name)) return name;
  return undefined;
}

/**
 * Gives the experiments on a dataset its name, if they have none: those of an earlier version of Easel. Call it before
 * the name gets another meaning.
 */
export async function nameUsers(store: ObjectStore, name: string, dataset: Digest): Promise<void> {
  for (const user of await listHeads(store)) {
    if (user.head.deleting || user.head.dataset !== dataset || user.head.dataset_name !== undefined) continue;
    await changeHead(store, user.name, head =>
      head.dataset === dataset && head.dataset_name === undefined ? { ...head, dataset_name: name } : head,
    );
  }
}
