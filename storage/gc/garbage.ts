/** @file What there is, by kind, and which of it nothing needs. */
import type { Digest } from '../digest.ts';
import type { DocumentKinds } from '../document-kinds.ts';
import { digestOfBlobKey } from '../keys.ts';
import { listAll, listFolders } from '../list-all.ts';
import { mapBounded } from '../map-bounded.ts';
import type { BlobStore, ObjectInfo, ObjectStore } from '../types.ts';
import { isViewFile, type ViewLayouts } from '../view-layout.ts';
import { type Reachable, walkReachable } from './reachable.ts';
import { listRoots, type Root } from './roots.ts';

/** In the order of a report. `pictures` are columns and archives of them, too; `other` are blobs of no known type. */
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

/** Objects that gc asks for, or deletes, at once. */
export const REQUESTS_AT_ONCE = 16;

/** An object that nothing durable needs. */
export interface Garbage {
  readonly key: string;
  readonly kind: GarbageKind;
  /** Bytes. */
  readonly size: number;
  /** Of a blob. */
  readonly digest?: Digest;
  /** Milliseconds: not deleted while it was written or extended within this time. */
  readonly idleMs: number;
  /** The key of a name that would need it. */
  readonly ref?: string;
}

export interface Ages {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly graceMs: number;
  /** How long logs of runs stay. */
  readonly retentionMs: number;
  /** How long results of a function stay for their own sake, since they were last used. */
  readonly retentionOf: (functionName: string) => number;
}

/** What the owner of the store declares of it. */
export interface Declarations {
  readonly kinds: DocumentKinds;
  readonly views: ViewLayouts;
}

/** What a store holds at one time. */
export interface Survey {
  readonly declared: Declarations;
  readonly blobs: ReadonlyMap<Digest, ObjectInfo>;
  /** Everything that may be a root, by key. */
  readonly rootInfos: ReadonlyMap<string, ObjectInfo>;
  readonly results: readonly Root[];
  /** What names, running calls and retained results lead to. */
  readonly marked: Reachable;
  /** Of those the one that changed longest ago. */
  readonly oldestRoot?: Root;
  /** Documents that somebody needs and the store does not have. */
  readonly missing: readonly Digest[];
}

/** @throws Corrupt when a root, or a document that somebody needs, cannot be read: then nobody can tell what it needs. */
export async function surveyStore(
  store: ObjectStore,
  blobs: BlobStore,
  ages: Ages,
  declared: Declarations,
  signal: AbortSignal,
): Promise<Survey> {
  // Before the roots: what is stored after they were read is none of ours.
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

/** The state of a run that goes on is written every few seconds. */
export function isStaleRun({ key, lastModified }: ObjectInfo, { now, graceMs }: Ages): boolean {
  return key.startsWith('runs/') && now - lastModified.getTime() >= graceMs;
}

function isRetained({ key, lastModified }: Root, { now, retentionOf }: Ages): boolean {
  const [, functionName = ''] = key.split('/');
  return now - lastModified.getTime() < retentionOf(functionName);
}

/** A result is how a later call finds what is needed anyway; of anything else it is of no use. */
export function isNeeded(result: Root, marked: Reachable): boolean {
  return result.links.length > 0 && result.links.every(({ digest }) => marked.has(digest));
}

/** Everything of which nothing durable has need. */
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
    // Some stores list no types.
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
