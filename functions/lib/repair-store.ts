/** @file What `verify` takes out of the way, and what will bring it back. */
import type { Digest } from '../../storage/digest.ts';
import { blobKey } from '../../storage/keys.ts';
import { isDamaged } from '../../storage/rehash.ts';
import { checkRoot, listRoots } from '../../storage/roots.ts';
import type { ObjectStore } from '../../storage/types.ts';
import type { StoreFindings } from '../../storage/verify.ts';

/** What they say is computed again, taken again, or of no importance. A name is none of these. */
const REPLACEABLE = /^(actions|leases|runs)\//;

/**
 * Deletes blobs that are damaged, since one under its right name is never written again, and documents that would fail every call that
 * reads them. Results that lost their blobs stay: they tell who makes them again.
 */
export async function repairStore(
  store: ObjectStore,
  { damaged, unreadable }: StoreFindings,
  signal: AbortSignal,
): Promise<{ readonly blobs: number; readonly documents: number }> {
  let blobs = 0;
  for (const { digest } of damaged) {
    if (!(await isDamaged(store, digest, signal))) continue;
    await store.delete(blobKey(digest));
    blobs++;
  }
  let documents = 0;
  for (const { what } of unreadable) {
    if (!REPLACEABLE.test(what) || (await checkRoot(store, what)) === undefined) continue;
    await store.delete(what);
    documents++;
  }
  return { blobs, documents };
}

/** Of each blob the result (`bucket sha256:...`) that names it and fewest others: the earliest stage that made it. */
export async function findMakers(
  store: ObjectStore,
  blobs: ReadonlySet<Digest>,
  signal: AbortSignal,
): Promise<Map<Digest, string>> {
  const makers = new Map<Digest, { readonly result: string; readonly links: number }>();
  if (blobs.size === 0) return new Map();
  const select = ({ key }: { readonly key: string }) => key.startsWith('actions/');
  for await (const { key, links } of listRoots(store, { signal, select, onUnreadable: () => {} })) {
    for (const { digest } of links) {
      if (!blobs.has(digest) || (makers.get(digest)?.links ?? Number.POSITIVE_INFINITY) <= links.length) continue;
      const [, name, hex] = /^actions\/([^/]+)\/([0-9a-f]+)\.json$/.exec(key) ?? [];
      makers.set(digest, { result: `${name} sha256:${hex}`, links: links.length });
    }
  }
  return new Map([...makers].map(([digest, { result }]) => [digest, result]));
}
