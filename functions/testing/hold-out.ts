/** @file A dataset of one page whose last pictures are held out. */
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import type { Digest } from '../../storage/digest.ts';
import type { BlobStore } from '../../storage/types.ts';

/** The other pictures are trained on, and each is a cluster of its own. @returns The new dataset. */
export async function holdOut(blobs: BlobStore, digest: Digest, count: number): Promise<Digest> {
  const dataset = await readDataset(blobs, digest);
  const [page] = dataset.pages;
  if (page === undefined) throw new Error('no page');
  const items = await readItems(blobs, page);
  const lines = items.map((item, i) => {
    const split = i >= items.length - count ? 'val' : 'train';
    return `${JSON.stringify({ ...item, split, cluster: item.id })}\n`;
  });
  const put = (await blobs.put(Buffer.from(lines.join('')), 'application/jsonl')).digest;
  const document = { ...dataset, pages: [{ ...page, items: put }], links: [...dataset.links, put] };
  return (await putDocument(blobs, document)).digest;
}
