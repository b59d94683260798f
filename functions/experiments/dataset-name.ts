/** @file The names of datasets that experiments were made of. */
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';

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
