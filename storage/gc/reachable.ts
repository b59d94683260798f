/**
 * @file What the names, results, leases and running calls of a store lead to: the one walk by which gc marks and verify explains.
 * Only JSON documents have `links`, and only they are read. What is one is told by who names it; a link of which nobody says so is
 * looked up by its media type. So of 1,100 pages with 10,000 columns a walk reads the few documents that name them.
 */
import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { BlobMissing, Corrupt } from '../../errors.ts';
import type { Digest } from '../digest.ts';
import type { DocumentKinds } from '../document-kinds.ts';
import { mapBounded } from '../map-bounded.ts';
import { DEFAULT_MEDIA_TYPE } from '../media-type.ts';
import { parseDocument } from '../parse-document.ts';
import { digestSchema } from '../records.ts';
import type { BlobStore } from '../types.ts';
import type { Link, Root } from './roots.ts';

/** Documents and roots followed at once. */
const WIDTH = 16;
/** No document is larger; what is, is no document. */
const MAX_DOCUMENT_BYTES = 64 << 20;

/** What every document has in common. A config has no links. */
const documentSchema = z.looseObject({ kind: z.string().optional(), links: z.array(digestSchema).optional() });

export type DocumentHead = z.output<typeof documentSchema>;

/** The digests that roots lead to, and through whom. About 150 bytes each. */
export interface Reachable {
  readonly size: number;
  has(digest: Digest): boolean;
  digests(): Iterable<Digest>;
  /** Why it is needed: the key of a root, the documents between, and the digest itself. */
  explain(digest: Digest): string[];
}

export interface WalkOptions {
  readonly signal?: AbortSignal;
  /** Default: none, so that every link is looked into. */
  readonly kinds?: DocumentKinds;
  /** Goes on from there: what was reached stays so, and is not followed again. */
  readonly from?: Reachable;
  /** Each document that was read. */
  readonly onDocument?: (digest: Digest, document: DocumentHead) => void;
  /** A document that is not in the store; what it linked cannot be told. Default: nothing. */
  readonly onMissing?: (digest: Digest) => void;
  /** A document that is damaged, or none. Default: throws the Corrupt. */
  readonly onUnreadable?: (digest: Digest, error: Corrupt) => void;
}

/** Follows `links` from the roots. Whether leaves exist is not looked at. */
export async function walkReachable(
  blobs: BlobStore,
  roots: AsyncIterable<Root> | Iterable<Root>,
  options: WalkOptions = {},
): Promise<Reachable> {
  const found = options.from instanceof Found ? options.from : new Found();
  let batch: Root[] = [];
  for await (const root of roots) {
    batch.push(root);
    if (batch.length < WIDTH) continue;
    await followRoots(blobs, batch, found, options);
    batch = [];
  }
  await followRoots(blobs, batch, found, options);
  return found;
}

/** Whom each digest was reached through, and whose links were followed. */
class Found implements Reachable {
  readonly #parents = new Map<Digest, string>();
  readonly followed = new Set<Digest>();

  get size(): number {
    return this.#parents.size;
  }

  has(digest: Digest): boolean {
    return this.#parents.has(digest);
  }

  digests(): Iterable<Digest> {
    return this.#parents.keys();
  }

  add(digest: Digest, parent: string): void {
    if (!this.#parents.has(digest)) this.#parents.set(digest, parent);
  }

  explain(digest: Digest): string[] {
    const path: string[] = [digest];
    for (let at: string | undefined = this.#parents.get(digest); at !== undefined; ) {
      path.unshift(at);
      at = this.#parents.get(at as Digest);
    }
    return path;
  }
}

interface Step extends Link {
  readonly parent: string;
}

/** Documents first: they tell what most of the other links are. */
async function followRoots(
  blobs: BlobStore,
  roots: readonly Root[],
  found: Found,
  options: WalkOptions,
): Promise<void> {
  const documents: Step[] = [];
  const unknown: Step[] = [];
  const sort = (links: readonly Link[], parent: string) => {
    for (const link of links) {
      if (link.kind === 'leaf') found.add(link.digest, parent);
      else (link.kind === 'document' ? documents : unknown).push({ ...link, parent });
    }
  };
  for (const root of roots) sort(root.links, root.key);
  const follow = async (step: Step) => {
    const { digest, kind, parent } = step;
    if (found.followed.has(digest) || (kind === 'unknown' && found.has(digest))) return;
    found.add(digest, parent);
    found.followed.add(digest);
    sort(await readLinks(blobs, step, options), digest);
    await setImmediate();
  };
  const bound = { width: WIDTH, signal: options.signal };
  for (const steps of [documents, unknown]) {
    // The last steps in work may add more after the list was found empty.
    while (steps.length > 0) await mapBounded(drain(steps), bound, follow);
  }
}

/** Takes the newest entry until none is left, also those added meanwhile. */
function* drain<T>(entries: T[]): Iterable<T> {
  for (let next = entries.pop(); next !== undefined; next = entries.pop()) yield next;
}

/** The links of a document; none of what is no document. */
async function readLinks(blobs: BlobStore, { digest, kind }: Link, options: WalkOptions): Promise<Link[]> {
  try {
    if (kind === 'unknown' && !(await mayBeDocument(blobs, digest))) return [];
    const bytes = await blobs.get(digest);
    const document = kind === 'unknown' ? parseIfDocument(digest, bytes) : parseDocument(digest, bytes, documentSchema);
    if (document) options.onDocument?.(digest, document);
    const kinds = options.kinds ?? {};
    const known =
      document?.kind !== undefined && Object.hasOwn(kinds, document.kind) ? kinds[document.kind] : undefined;
    const linked = known?.linksLeaves ? 'leaf' : 'unknown';
    return (document?.links ?? []).map(link => ({ digest: link, kind: linked }));
  } catch (error) {
    if (error instanceof BlobMissing) options.onMissing?.(digest);
    else if (error instanceof Corrupt && options.onUnreadable) options.onUnreadable(digest, error);
    else throw error;
    return [];
  }
}

/** By its media type; where that was lost (a crash of the machine may lose the newest of a folder), by its first character. */
async function mayBeDocument(blobs: BlobStore, digest: Digest): Promise<boolean> {
  const ref = await blobs.head(digest);
  if (ref === undefined || ref.size === 0 || ref.size > MAX_DOCUMENT_BYTES) return false;
  if (ref.media_type !== DEFAULT_MEDIA_TYPE) return ref.media_type === 'application/json';
  const [first] = await blobs.getRange(digest, { start: 0, end: 0 });
  return first === '{'.charCodeAt(0);
}

/** Somebody's own JSON is no document of ours, and no error. */
function parseIfDocument(digest: Digest, bytes: Uint8Array): DocumentHead | undefined {
  try {
    return parseDocument(digest, bytes, documentSchema);
  } catch {
    return undefined;
  }
}
