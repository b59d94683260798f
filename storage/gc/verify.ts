/**
 * @file Checks a whole store: blobs against their digests, documents against their schemas and keys, and that all
 * needed blobs exist. It changes nothing. It may run beside training, which prunes checkpoints: blobs that seem missing
 * are looked up once more, starting from the names at that moment.
 */
import type { Corrupt } from '../../errors.ts';
import type { Digest } from '../digest.ts';
import type { DocumentKinds } from '../document-kinds.ts';
import { blobKey, digestOfBlobKey } from '../keys.ts';
import { eachPage } from '../list-all.ts';
import { mapBounded } from '../map-bounded.ts';
import type { BlobStore, ObjectStore } from '../types.ts';
import { type DocumentHead, type Reachable, walkReachable } from './reachable.ts';
import { findDamaged, type StoredBlob } from './rehash.ts';
import { listRoots } from './roots.ts';

/** Blobs looked up at once. */
const WIDTH = 16;

export interface VerifyProgress {
  readonly phase: 'list' | 'walk' | 'hash';
  readonly done: number;
  readonly total?: number;
  readonly unit: 'blobs' | 'documents';
  /** Bytes hashed so far. */
  readonly bytes?: number;
}

export interface VerifyOptions {
  readonly kinds: DocumentKinds;
  readonly signal: AbortSignal;
  readonly progress: (event: VerifyProgress) => void;
}

export interface Needed {
  readonly digest: Digest;
  /** From the key of a root to the digest; only the digest when no root leads to it. */
  readonly path: readonly string[];
}

export interface Unreadable {
  /** A key, or the digest of a document. */
  readonly what: string;
  readonly reason: string;
}

export interface StoreFindings {
  readonly blobs: { readonly count: number; readonly bytes: number };
  /** Names, results, leases, runs, and the documents that they lead to. */
  readonly documents: number;
  readonly unreferenced: { readonly count: number; readonly bytes: number };
  readonly damaged: readonly (Needed & { readonly size: number })[];
  /** Blobs that do not exist, although a name, a lease or a running call leads to them. */
  readonly missing: readonly Needed[];
  /** Blobs that do not exist and that only results name: the next use makes them again. */
  readonly stale: readonly Needed[];
  readonly unreadable: readonly Unreadable[];
  /** Keys under cas/ that are not keys of blobs. */
  readonly foreign: readonly string[];
}

export async function verifyStore(
  store: ObjectStore,
  blobs: BlobStore,
  options: VerifyOptions,
): Promise<StoreFindings> {
  const { stored, foreign } = await listBlobs(store, options);
  const walk = await walkAll(store, blobs, options);
  const absent = await confirmMissing(store, blobs, options, walk, stored);
  const damaged = await hashAll(
    store,
    [...stored].map(([digest, size]) => ({ digest, size })),
    options,
  );
  // A damaged document could not be read either, and is reported once.
  const known = new Set<string>(damaged.map(blob => blob.digest));
  const unreferenced = [...stored].filter(([digest]) => !walk.all.has(digest));
  return {
    blobs: { count: stored.size, bytes: sum([...stored.values()]) },
    documents: walk.documents,
    unreferenced: { count: unreferenced.length, bytes: sum(unreferenced.map(([, size]) => size)) },
    damaged: damaged.map(blob => ({ ...blob, path: walk.all.explain(blob.digest) })),
    ...absent,
    unreadable: [...walk.unreadable].flatMap(([what, reason]) => (known.has(what) ? [] : [{ what, reason }])),
    foreign,
  };
}

async function listBlobs(
  store: ObjectStore,
  { signal, progress }: VerifyOptions,
): Promise<{ readonly stored: ReadonlyMap<Digest, number>; readonly foreign: readonly string[] }> {
  const stored = new Map<Digest, number>();
  const foreign: string[] = [];
  for await (const { objects } of eachPage(store, 'cas/', { signal })) {
    for (const { key, size } of objects) {
      const digest = digestOfBlobKey(key);
      if (digest) stored.set(digest, size);
      else foreign.push(key);
    }
    progress({ phase: 'list', done: stored.size, unit: 'blobs' });
  }
  return { stored, foreign };
}

interface Walk {
  /** Blobs that names, leases and running calls lead to; without those of results. */
  readonly needed: ReadonlySet<Digest>;
  readonly all: Reachable;
  readonly documents: number;
  /** Key or digest -> reason. */
  readonly unreadable: ReadonlyMap<string, string>;
}

/** Walks the names first, so the path to a blob begins at a name if a name leads to it. */
async function walkAll(store: ObjectStore, blobs: BlobStore, options: VerifyOptions): Promise<Walk> {
  const { kinds, signal, progress } = options;
  const unreadable = new Map<string, string>();
  let documents = 0;
  const count = () => progress({ phase: 'walk', done: ++documents, unit: 'documents' });
  const onUnreadable = (what: string, error: Corrupt) => {
    unreadable.set(what, error.message);
    count();
  };
  const onDocument = (digest: Digest, document: DocumentHead) => {
    count();
    const fault = findFault(document, kinds);
    if (fault !== undefined) unreadable.set(digest, fault);
  };
  async function* roots(isResult: boolean) {
    const select = ({ key }: { readonly key: string }) => key.startsWith('actions/') === isResult;
    for await (const root of listRoots(store, { signal, select, onUnreadable })) {
      count();
      yield root;
    }
  }
  const walkOptions = { kinds, signal, onDocument, onUnreadable };
  const named = await walkReachable(blobs, roots(false), walkOptions);
  const needed = new Set(named.digests());
  const all = await walkReachable(blobs, roots(true), { ...walkOptions, from: named });
  return { needed, all, documents, unreadable };
}

/** The first fault of a document of a known kind; undefined when it has none. */
function findFault({ kind = '', ...rest }: DocumentHead, kinds: DocumentKinds): string | undefined {
  const parsed = Object.hasOwn(kinds, kind) ? kinds[kind]?.schema.safeParse({ kind, ...rest }) : undefined;
  const [issue] = parsed?.error?.issues ?? [];
  return issue && `it is not a valid ${kind}: ${issue.path.join('.')}: ${issue.message}`;
}

/** A blob missed at first may have been written after the listing, or pruned after the walk. A second walk decides. */
async function confirmMissing(
  store: ObjectStore,
  blobs: BlobStore,
  options: VerifyOptions,
  first: Walk,
  stored: ReadonlyMap<Digest, number>,
): Promise<Pick<StoreFindings, 'missing' | 'stale'>> {
  const isAbsent = async (digest: Digest) => (await store.head(blobKey(digest))) === undefined;
  const unlisted = [...first.all.digests()].filter(digest => !stored.has(digest));
  const suspects = await filterEach(unlisted, isAbsent, options.signal);
  if (suspects.length === 0) return { missing: [], stale: [] };
  const { all, needed } = await walkAll(store, blobs, options);
  const still = await filterEach(suspects, async digest => all.has(digest) && isAbsent(digest), options.signal);
  const confirmed = still.map(digest => ({ digest, path: all.explain(digest) }));
  return {
    missing: confirmed.filter(({ digest }) => needed.has(digest)),
    stale: confirmed.filter(({ digest }) => !needed.has(digest)),
  };
}

async function filterEach<T>(items: readonly T[], test: (item: T) => Promise<boolean>, signal: AbortSignal) {
  const passed = await mapBounded(items, { width: WIDTH, signal }, test);
  return items.filter((_, i) => passed[i]);
}

async function hashAll(
  store: ObjectStore,
  all: readonly StoredBlob[],
  { signal, progress }: VerifyOptions,
): Promise<StoredBlob[]> {
  let done = 0;
  let bytes = 0;
  progress({ phase: 'hash', done, total: all.length, unit: 'blobs', bytes });
  return findDamaged(store, all, {
    signal,
    onBlob({ size }) {
      bytes += size;
      progress({ phase: 'hash', done: ++done, total: all.length, unit: 'blobs', bytes });
    },
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
