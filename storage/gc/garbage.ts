/** @file Surveys a store and finds its garbage, by kind. */
import type { Digest } from '../digest.ts';
import type { DocumentKinds } from '../document-kinds.ts';
import { digestOfBlobKey } from '../keys.ts';
import { listAll, listFolders } from '../list-all.ts';
import { mapBounded } from '../map-bounded.ts';
import type { BlobStore, ObjectInfo, ObjectStore } from '../types.ts';
import { isViewFile, type ViewLayouts } from '../view-layout.ts';
import { type Reachable, walkReachable } from './reachable.ts';
import { listRoots, type Root } from './roots.ts';

/** In the order of reports. `pictures` include columns and archives; `other` are blobs of an unknown media type. */
export const GARBAGE_KINDS = [
  'checkpoints',
  'pictures',
  'documents',
  'other',
  'results',
  'runs',
  'views',
  'leases',
  'probes',
] as const;
export type GarbageKind = (typeof GARBAGE_KINDS)[number];

/** Requests that gc sends at once. */
export const REQUESTS_AT_ONCE = 16;

/** An object that no name, running call or retained result needs. */
export interface Garbage {
  readonly key: string;
  readonly kind: GarbageKind;
  /** Bytes. */
  readonly size: number;
  /** Only of a blob. */
  readonly digest?: Digest;
  /** Milliseconds. gc keeps an object that was written or extended within this time. */
  readonly idleMs: number;
  /** The key of the name that the object belongs to. gc keeps the object if this name exists again. */
  readonly ref?: string;
}

export interface Ages {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly graceMs: number;
  /** Milliseconds for which logs of runs stay. */
  readonly retentionMs: number;
  /** Milliseconds for which results of a function stay after their last use, even if no name leads to them. */
  readonly retentionOf: (functionName: string) => number;
}

/** Declarations of the rooms that write documents and views. */
export interface Declarations {
  readonly kinds: DocumentKinds;
  readonly views: ViewLayouts;
}

/** The contents of a store at one time. */
export interface Survey {
  readonly declared: Declarations;
  readonly blobs: ReadonlyMap<Digest, ObjectInfo>;
  /** All possible roots, by key. */
  readonly rootInfos: ReadonlyMap<string, ObjectInfo>;
  readonly results: readonly Root[];
  /** Blobs that names, running calls and retained results lead to. */
  readonly marked: Reachable;
  /** The name, running call or retained result that changed longest ago. */
  readonly oldestRoot?: Root;
  /** Documents that are needed and that the store does not have. */
  readonly missing: readonly Digest[];
}

/** @throws Corrupt when a root or a needed document cannot be read: then it is unknown which blobs it needs. */
export async function surveyStore(
  store: ObjectStore,
  blobs: BlobStore,
  ages: Ages,
  declared: Declarations,
  signal: AbortSignal,
): Promise<Survey> {
  // Blobs before roots: a blob stored after this listing is not garbage of this survey.
  const stored = new Map<Digest, ObjectInfo>();
  for await (const info of listAll(store, 'cas/', signal)) {
    const digest = digestOfBlobKey(info.key);
    if (digest) stored.set(digest, info);
  }
  const rootInfos = new Map<string, ObjectInfo>();
  const select = (info: ObjectInfo) => {
    rootInfos.set(info.key, info);
    return !isStaleRun(info, ages);
  };
  const durable: Root[] = [];
  const results: Root[] = [];
  for await (const root of listRoots(store, { select, signal })) {
    const isResult = root.key.startsWith('actions/');
    if (isResult) results.push(root);
    if (!isResult || isRetained(root, ages)) durable.push(root);
  }
  const missing: Digest[] = [];
  const { kinds } = declared;
  const marked = await walkReachable(blobs, durable, { kinds, signal, onMissing: digest => void missing.push(digest) });
  const [oldestRoot] = durable.toSorted((a, b) => a.lastModified.getTime() - b.lastModified.getTime());
  return { declared, blobs: stored, rootInfos, results, marked, missing, ...(oldestRoot && { oldestRoot }) };
}

/** A run in progress writes its state every few seconds, so an old state belongs to a dead run. */
export function isStaleRun({ key, lastModified }: ObjectInfo, { now, graceMs }: Ages): boolean {
  return key.startsWith('runs/') && now - lastModified.getTime() >= graceMs;
}

function isRetained({ key, lastModified }: Root, { now, retentionOf }: Ages): boolean {
  const [, functionName = ''] = key.split('/');
  return now - lastModified.getTime() < retentionOf(functionName);
}

/** Whether everything that the result links to is kept. Only such a result is worth keeping. */
export function isNeeded(result: Root, marked: Reachable): boolean {
  return result.links.length > 0 && result.links.every(({ digest }) => marked.has(digest));
}

/** All garbage of a survey, and abandoned leases, probes and views. */
export async function findGarbage(
  store: ObjectStore,
  survey: Survey,
  ages: Ages,
  signal: AbortSignal,
): Promise<Garbage[]> {
  const { rootInfos, marked } = survey;
  const { graceMs, retentionMs, now } = ages;
  const garbage: Garbage[] = [];
  const unmarked = [...survey.blobs].filter(([digest]) => !marked.has(digest));
  await mapBounded(unmarked, { width: REQUESTS_AT_ONCE, signal }, async ([digest, info]) => {
    // Listings of some stores have no media types.
    const mediaType = info.mediaType ?? (await store.head(info.key))?.mediaType;
    garbage.push({ key: info.key, kind: kindOfBlob(mediaType), size: info.size, digest, idleMs: graceMs });
  });
  for (const result of survey.results) {
    if (isRetained(result, ages) || isNeeded(result, marked)) continue;
    garbage.push({ key: result.key, kind: 'results', size: rootInfos.get(result.key)?.size ?? 0, idleMs: graceMs });
  }
  for (const { key, size, lastModified } of rootInfos.values()) {
    if (key.startsWith('runs/') && now - lastModified.getTime() >= retentionMs) {
      garbage.push({ key, kind: 'runs', size, idleMs: retentionMs });
    }
    const ref = key.replace(/^leases/, 'refs');
    if (ref !== key && !rootInfos.has(ref)) garbage.push({ key, kind: 'leases', size, idleMs: graceMs, ref });
  }
  for await (const { key, size } of listAll(store, 'probe/', signal)) {
    garbage.push({ key, kind: 'probes', size, idleMs: graceMs });
  }
  for (const [kind, layout] of Object.entries(survey.declared.views)) {
    for (const view of await listFolders(store, `${kind}/`, signal)) {
      const ref = `refs/${view.slice(0, -1)}.json`;
      if (rootInfos.has(ref)) continue;
      for await (const { key, size } of listAll(store, view, signal)) {
        if (!isViewFile(layout, key.slice(view.length))) continue;
        garbage.push({ key, kind: 'views', size, idleMs: 0, ref });
      }
    }
  }
  return garbage;
}

function kindOfBlob(mediaType = ''): GarbageKind {
  if (mediaType === 'application/x-safetensors') return 'checkpoints';
  if (/^image\/|^application\/x-(tar|npy)$/.test(mediaType)) return 'pictures';
  if (/^text\/|^application\/(json|jsonl|yaml)$/.test(mediaType)) return 'documents';
  return 'other';
}
