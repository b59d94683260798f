/**
 * @file The order in which garbage is deleted: a document before the blobs that it links, so no stored document links a
 * deleted blob.
 */
import { z } from 'zod';
import { BlobMissing, Corrupt } from '../../errors.ts';
import type { Digest } from '../digest.ts';
import { mapBounded } from '../map-bounded.ts';
import { parseDocument } from '../parse-document.ts';
import { digestSchema } from '../records.ts';
import type { BlobStore } from '../types.ts';
import { type Garbage, REQUESTS_AT_ONCE } from './garbage.ts';

const documentSchema = z.looseObject({ links: z.array(digestSchema).default([]) });

/**
 * Cuts garbage into groups, to be deleted one after the other: objects that are not blobs (results last), documents by
 * generations, other blobs.
 */
export async function orderByLinks(
  blobs: BlobStore,
  garbage: readonly Garbage[],
  signal: AbortSignal,
): Promise<Garbage[][]> {
  const results = garbage.filter(({ kind }) => kind === 'results');
  const others = garbage.filter(({ kind, digest }) => kind !== 'results' && digest === undefined);
  const leaves = garbage.filter(({ kind, digest }) => kind !== 'documents' && digest !== undefined);
  const documents = garbage.filter(({ kind }) => kind === 'documents');
  return [others, results, ...(await cutGenerations(blobs, documents, signal)), leaves].filter(
    group => group.length > 0,
  );
}

/**
 * First the documents that no other document links, then those that only the first ones link, and so on. Digests form
 * no cycles.
 */
async function cutGenerations(
  blobs: BlobStore,
  documents: readonly Garbage[],
  signal: AbortSignal,
): Promise<Garbage[][]> {
  const links = new Map<Digest, readonly Digest[]>();
  await mapBounded(documents, { width: REQUESTS_AT_ONCE, signal }, async ({ digest }) => {
    if (digest) links.set(digest, await readLinks(blobs, digest));
  });
  const linkers = new Map<Digest, number>();
  for (const link of [...links.values()].flat()) linkers.set(link, (linkers.get(link) ?? 0) + 1);
  const generations: Garbage[][] = [];
  for (let rest = documents; rest.length > 0; ) {
    const isFree = ({ digest }: Garbage) => digest === undefined || (linkers.get(digest) ?? 0) === 0;
    const [free, linked] = [rest.filter(isFree), rest.filter(each => !isFree(each))];
    generations.push(free);
    rest = linked;
    for (const link of free.flatMap(({ digest }) => (digest ? (links.get(digest) ?? []) : []))) {
      linkers.set(link, (linkers.get(link) ?? 0) - 1);
    }
  }
  return generations;
}

/**
 * The links of a document. A blob that is gone, damaged or not one of our documents has none: no walk can follow it.
 */
async function readLinks(blobs: BlobStore, digest: Digest): Promise<readonly Digest[]> {
  try {
    return parseDocument(digest, await blobs.get(digest), documentSchema).links;
  } catch (error) {
    if (error instanceof BlobMissing || error instanceof Corrupt) return [];
    throw error;
  }
}
