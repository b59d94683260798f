/** @file Repairs a store for `verify`: deletes damaged objects, and computes missing blobs again. */
import { AppError, Cancelled } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import { isDamaged } from '../../storage/gc/rehash.ts';
import { checkRoot, listRoots } from '../../storage/gc/roots.ts';
import type { StoreFindings } from '../../storage/gc/verify.ts';
import { blobKey } from '../../storage/keys.ts';
import type { ObjectStore } from '../../storage/types.ts';
import type { EffectContext } from '../define.ts';

/** Documents that may be deleted: they are computed again, written again, or not needed. Names are not among them. */
const REPLACEABLE = /^(actions|leases|runs)\//;

export interface Repairs {
  readonly deleted: { readonly blobs: number; readonly documents: number };
  /** Number of blobs that were made again. */
  readonly restored: number;
  /** Blobs that names need and that could not be made again. */
  readonly lost: readonly { readonly digest: Digest; readonly reason: string }[];
}

/**
 * Deletes damaged blobs, since a blob is never overwritten, and unreadable documents, which fail every call that reads
 * them. Keeps results that lost blobs: they name the action that makes the blobs. Then makes missing blobs again that
 * names need.
 */
export async function repairStore(ctx: EffectContext, findings: StoreFindings): Promise<Repairs> {
  const { store, signal } = ctx;
  const wanted = findings.missing.map(({ digest }) => digest);
  let blobs = 0;
  for (const { digest, path } of findings.damaged) {
    if (!(await isDamaged(store, digest, { signal }))) continue;
    await store.delete(blobKey(digest));
    blobs++;
    if (isNeeded(path)) wanted.push(digest);
  }
  let documents = 0;
  for (const { what } of findings.unreadable) {
    if (!REPLACEABLE.test(what) || (await checkRoot(store, what)) === undefined) continue;
    await store.delete(what);
    documents++;
  }
  return { deleted: { blobs, documents }, ...(await restoreAll(ctx, wanted)) };
}

/** True if a name, a lease or a running call leads to the object. */
function isNeeded([root = '', ...rest]: readonly string[]): boolean {
  return rest.length > 0 && !root.startsWith('actions/');
}

async function restoreAll(ctx: EffectContext, wanted: readonly Digest[]): Promise<Pick<Repairs, 'restored' | 'lost'>> {
  const lost: { readonly digest: Digest; readonly reason: string }[] = [];
  for (const [done, digest] of wanted.entries()) {
    ctx.signal.throwIfAborted();
    ctx.progress({ phase: 'repair', done, total: wanted.length, unit: 'blobs' });
    try {
      // One action often restores several blobs.
      if ((await ctx.blobs.head(digest)) !== undefined || (await ctx.restore(digest))) continue;
      lost.push({ digest, reason: 'no result names the action that made it' });
    } catch (error) {
      if (!(error instanceof AppError) || error instanceof Cancelled) throw error;
      lost.push({ digest, reason: error.message });
    }
  }
  return { restored: wanted.length - lost.length, lost };
}

/** Maps each blob to the result (`bucket sha256:...`) with the fewest links to it: the earliest stage that made it. */
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
