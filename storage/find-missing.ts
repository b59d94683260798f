import type { Digest } from './digest.ts';
import type { BlobStore } from './types.ts';

/** The first of `digests` that `look` does not find. */
export async function findMissing(
  digests: readonly Digest[],
  look: BlobStore['head'] | BlobStore['keep'],
): Promise<Digest | undefined> {
  const found = await Promise.all(digests.map(digest => look(digest)));
  return digests.find((_, i) => found[i] === undefined);
}
