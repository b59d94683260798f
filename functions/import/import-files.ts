/** @file A folder, a tar or a bucket as the source of an import. */
import type { OldEncoding } from '../../formats/decode-text.ts';
import type { Item } from '../../storage/records.ts';
import { idOf } from '../datasets/originals.ts';
import type { EffectContext } from '../define.ts';
import { eraseMissing } from './erase-missing.ts';
import type { Arrivals, DescribedItem } from './extend-originals.ts';
import { type GivenOptions, openGivenSignals } from './given-signals.ts';
import { type FoundPicture, findPictures } from './import-pictures.ts';
import type { ImportSource } from './import-source.ts';
import type { KnownPage } from './known-pages.ts';
import { openPicturePages } from './picture-pages.ts';
import { changedMeanwhile } from './read-failure.ts';
import { restoreArchives } from './restore-archives.ts';

export interface ImportFilesOptions extends GivenOptions {
  /** Encoding of captions that are not in Unicode. */
  readonly encoding?: OldEncoding | undefined;
  readonly folderSplits: boolean;
}

/** Imports every picture of a source. New ones are packed into pages in the order of their names, as they are read. */
export async function importFiles(
  ctx: EffectContext,
  source: ImportSource,
  known: readonly KnownPage[],
  options: ImportFilesOptions,
): Promise<Arrivals> {
  const before = new Map(known.flatMap(page => page.items).map(item => [item.id, item]));
  const signals = openGivenSignals(ctx, before, options);
  const pages = openPicturePages(ctx.blobs);
  let page: number | undefined;
  const { pictures, rejects, noted } = await findPictures(source, options, {
    progress(done, total) {
      ctx.signal.throwIfAborted();
      ctx.progress({ phase: 'import', done, total, unit: 'files' });
    },
    async picture({ id, name, own }, bytes) {
      if (before.has(id)) return;
      // Pictures of one page of an exported dataset stay together.
      if (own?.page !== page) await pages.cut();
      page = own?.page;
      await pages.add({ id, name, bytes });
    },
    async mask(bytes) {
      await ctx.blobs.put(bytes, 'image/png');
    },
    pack: bytes => ctx.task<Uint8Array>('pack-array-picture', bytes),
    ...signals.sink,
  });
  const packed = await pages.close();
  const given = await signals.close(pictures);
  const describe = ({ id, name, attributes, mask, place }: FoundPicture): DescribedItem => {
    const slices = given.slices.get(id);
    return {
      name,
      ...(mask && { mask }),
      ...place,
      ...(attributes && { attributes }),
      ...(slices && { signals: slices }),
    };
  };
  const present = new Map(pictures.map(picture => [picture.id, describe(picture)]));
  const complete = (item: Item): Item => {
    const { name = item.name, ...more } = present.get(item.id) ?? {};
    return { ...item, name, ...more };
  };
  const kept = await eraseMissing(ctx.blobs, known, pictures, stay => packAgain(ctx, stay));
  await restoreArchives(ctx.blobs, kept.pages, pictures);
  const made = packed
    .map(items => items.filter(({ id }) => present.has(id)).map(complete))
    .filter(items => items.length > 0);
  return {
    kept,
    pages: made,
    computed: { pages: made.length, items: made.flat().length },
    present,
    rejects: [...rejects, ...given.rejects],
    noted: [...noted, ...given.noted],
    hidden: source.hidden,
    ...(given.encoders && { given: given.encoders }),
  };
}

/** Packs pictures that stay of a page of which others are gone. */
async function packAgain(ctx: EffectContext, stay: readonly FoundPicture[]): Promise<Item[][]> {
  const pages = openPicturePages(ctx.blobs);
  for (const { id, name, attributes, mask, own, read } of stay) {
    const bytes = await read();
    if (own === undefined && idOf(bytes) !== id) throw changedMeanwhile(name);
    await pages.add({ id, name, bytes, attributes, mask });
  }
  return pages.close();
}
