/** @file The items of a page, stored as JSON Lines. */
import { Unprocessable } from '../../errors.ts';
import { canonicalJson } from '../canonical.ts';
import { mapBounded } from '../map-bounded.ts';
import { parseJson } from '../parse-document.ts';
import { type Dataset, type Item, itemSchema, type Page } from '../records.ts';
import type { BlobRef, BlobStore } from '../types.ts';

/** Largest number of pages read at once. */
const READ_WIDTH = 16;

/** JSON Lines. Equal items give equal bytes. */
export function encodeItems(items: readonly Item[]): Uint8Array {
  return Buffer.from(items.map(item => `${canonicalJson(item)}\n`).join(''));
}

/** @throws BlobMissing, Unprocessable naming the first line that is not an item. */
export async function readItems(blobs: BlobStore, page: Pick<Page, 'items'>): Promise<Item[]> {
  const lines = Buffer.from(await blobs.get(page.items))
    .toString('utf8')
    .split('\n');
  return lines.flatMap((line, index) => {
    if (line === '') return [];
    const parsed = parseJson(line, itemSchema);
    if (parsed.ok) return [parsed.value];
    throw new Unprocessable(`line ${index + 1} of ${page.items} is not an item: ${parsed.problem}`, {
      expected: 'JSON Lines of items',
      cause: parsed.cause,
    });
  });
}

/** Items of all pages in order, without removed ones. @throws as {@link readItems} */
export async function readAllItems(
  blobs: BlobStore,
  { pages, removed }: Pick<Dataset, 'pages' | 'removed'>,
): Promise<Item[]> {
  const gone = new Set(removed);
  const items = await mapBounded(pages, { width: READ_WIDTH }, page => readItems(blobs, page));
  return items.flat().filter(({ id }) => !gone.has(id));
}

export function putItems(blobs: BlobStore, items: readonly Item[]): Promise<BlobRef> {
  return blobs.put(encodeItems(items), 'application/jsonl');
}
