/** @file A folder or tar as the source of an import. */
import { Conflict } from '../../errors.ts';
import type { OldEncoding } from '../../formats/decode-text.ts';
import { type Item, PAGE_SIZE } from '../../storage/records.ts';
import { idOf, MAX_ARCHIVE_BYTES, type NewOriginal, packOriginals } from '../datasets/originals.ts';
import type { EffectContext } from '../define.ts';
import { eraseMissing } from './erase-missing.ts';
import type { Arrivals } from './extend-originals.ts';
import { type FoundPicture, findPictures } from './import-pictures.ts';
import type { ImportSource } from './import-source.ts';
import type { KnownPage } from './known-pages.ts';
import { restoreArchives } from './restore-archives.ts';

/**
 * Imports every picture of a folder or tar. New ones are packed into pages in the order of their names.
 * @param encoding Encoding of captions that are not in Unicode.
 */
export async function importFiles(
  ctx: EffectContext,
  source: ImportSource,
  known: readonly KnownPage[],
  encoding: OldEncoding | undefined,
): Promise<Arrivals> {
  const { pictures, rejects, noted } = await findPictures(source, encoding, (done, total) => {
    ctx.signal.throwIfAborted();
    ctx.progress({ phase: 'import', done, total, unit: 'files' });
  });
  await storeMasks(ctx, pictures);
  const kept = await eraseMissing(ctx.blobs, known, pictures, stay => packBatch(ctx, stay));
  await restoreArchives(ctx.blobs, kept.pages, pictures);
  const ids = new Set(kept.pages.flatMap(page => page.items).map(item => item.id));
  const news = pictures.filter(picture => !ids.has(picture.id));
  const pages: Item[][] = [];
  let packed = 0;
  for (const batch of cutBatches(news)) {
    ctx.signal.throwIfAborted();
    pages.push(...(await packBatch(ctx, batch)));
    packed += batch.length;
    ctx.progress({ phase: 'store', done: packed, total: news.length, unit: 'pictures' });
  }
  return {
    kept,
    pages,
    computed: { pages: pages.length, items: pages.flat().length },
    present: new Map(
      pictures.map(({ id, name, attributes, mask }) => [id, { name, attributes, ...(mask && { mask: mask.digest }) }]),
    ),
    rejects,
    noted,
    hidden: source.hidden,
  };
}

/** Stores the masks that are not there. @throws Conflict if one has changed since it was examined. */
async function storeMasks(ctx: EffectContext, pictures: readonly FoundPicture[]): Promise<void> {
  for (const { name, mask } of pictures) {
    if (mask === undefined || (await ctx.blobs.keep(mask.digest)) !== undefined) continue;
    ctx.signal.throwIfAborted();
    const { digest } = await ctx.blobs.put(await mask.read(), 'image/png');
    if (digest === mask.digest) continue;
    throw new Conflict(`the mask of "${name}" changed while it was imported`, {
      hint: 'repeat the call while nothing writes to the source',
    });
  }
}

function cutBatches<T>(pictures: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(pictures.length / PAGE_SIZE) }, (_, i) =>
    pictures.slice(i * PAGE_SIZE, (i + 1) * PAGE_SIZE),
  );
}

/** Packs pictures into one page, or into several if they are too large for one archive. */
async function packBatch(ctx: EffectContext, batch: readonly FoundPicture[]): Promise<Item[][]> {
  const pages: Item[][] = [];
  let open: NewOriginal[] = [];
  let size = 0;
  for (const { id, name, attributes, mask, read } of batch) {
    const bytes = await read();
    if (idOf(bytes) !== id) {
      throw new Conflict(`"${name}" changed while it was imported`, {
        hint: 'repeat the call while nothing writes to the source',
      });
    }
    if (size > 0 && size + bytes.length > MAX_ARCHIVE_BYTES) {
      pages.push(await packOriginals(ctx.blobs, open));
      open = [];
      size = 0;
    }
    open.push({ id, name, bytes, attributes, mask: mask?.digest });
    size += bytes.length;
  }
  pages.push(await packOriginals(ctx.blobs, open));
  return pages;
}
