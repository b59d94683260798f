/** @file In which order blobs are deleted: whoever links another before it, so that what is left never links what is gone. */
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
 * Garbage in groups, each to be deleted after the one before: what is no blob, results first; documents by generations; other blobs.
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

/** Those that no other one links, then those that only they link, and so on. Digests admit no cycles. */
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

/** None of what is gone, damaged, or no document of ours: nobody can follow them. */
async function readLinks(blobs: BlobStore, digest: Digest): Promise<readonly Digest[]> {
  try {
    return parseDocument(digest, await blobs.get(digest), documentSchema).links;
  } catch (error) {
    if (error instanceof BlobMissing || error instanceof Corrupt) return [];
    throw error;
  }
}
