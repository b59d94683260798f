/** @file The items of a page as stored: JSON Lines. */
import { Unprocessable } from '../errors.ts';
import { canonicalJson } from './canonical.ts';
import type { Digest } from './digest.ts';
import { type Item, itemSchema, type Page } from './records.ts';
import type { BlobRef, BlobStore } from './types.ts';

/** Equal items give equal bytes. */
export function encodeItems(items: readonly Item[]): Uint8Array {
  return Buffer.from(items.map(item => `${canonicalJson(item)}\n`).join(''));
}

/** @throws Unprocessable naming the line. */
export function parseItems(bytes: Uint8Array, digest: Digest): Item[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  return lines.flatMap((line, index) => {
    if (line === '') return [];
    try {
      return [itemSchema.parse(JSON.parse(line))];
    } catch (cause) {
      throw new Unprocessable(`line ${index + 1} of ${digest} is no item`, { expected: 'JSON Lines of items', cause });
    }
  });
}

export async function readItems(blobs: BlobStore, page: Page): Promise<Item[]> {
  return parseItems(await blobs.get(page.items), page.items);
}

export function putItems(blobs: BlobStore, items: readonly Item[]): Promise<BlobRef> {
  return blobs.put(encodeItems(items), 'application/jsonl');
}
