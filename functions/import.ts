/** @file From pictures somewhere to a dataset of originals under a name; the same call again takes in what changed. */
import { z } from 'zod';
import { BlobMissing } from '../errors.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import { readDataset } from '../storage/document-blobs.ts';
import type { DatasetHead } from '../storage/records.ts';
import { moveDatasetHead, readDatasetHead } from './datasets/dataset-head.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { type Arrivals, type ExtendedOriginals, extendOriginals, readKnownPages } from './import/extend-originals.ts';
import { checkSource, importShape, SOURCE_ERROR } from './import/import-body.ts';
import { importFiles } from './import/import-files.ts';
import { importPortraits } from './import/import-portraits.ts';
import { type ImportSource, openFolder, openTar } from './import/import-source.ts';
import { writeDatasetView } from './views/dataset-view.ts';

/** Rejects and removed ids that an answer names; all are in the dataset. */
const MAX_SHOWN = 100;

export const importPictures = defineFunction({
  name: 'import',
  summary: 'Takes pictures into a dataset of originals under a name: bundled portraits, a folder, or an uploaded tar.',
  version: 1,
  kind: 'effect',
  digests: { tar: 'blob' },
  example: { dataset: 'portraits', source: 'portraits', count: 6000, size: 64, seed: 1 },
  input: z.strictObject(importShape).refine(checkSource, { error: SOURCE_ERROR }),
  key: input => canonicalJson(input),
  async run(ctx, input) {
    const head = await readDatasetHead(ctx.store, input.dataset);
    const drawn = input.source === 'portraits';
    const { before, known } = await readLastImport(ctx, head?.value.originals, drawn);
    const arrivals = drawn
      ? await importPortraits(ctx, { count: input.count ?? 0, seed: input.seed, size: input.size }, known, before)
      : await importFiles(ctx, await openSource(ctx, input), known);
    const extended = await extendOriginals(ctx.blobs, known, arrivals);
    const { ref } = extended;
    const value: DatasetHead = { v: 1, dataset: head?.value.dataset ?? ref.digest, originals: ref.digest };
    // Another server may have prepared the same import by now.
    await moveDatasetHead(ctx.store, input.dataset, head, value, now => now.originals === ref.digest);
    await writeDatasetView(ctx, input.dataset);
    return describeImport(input.dataset, extended, arrivals);
  },
});

/**
 * What the last import left. When documents of it are lost that nothing but an import can make, the source is taken in as for the first
 * time. @param drawn Pages of items are made by a function, which makes them again.
 */
async function readLastImport(ctx: EffectContext, originals: Digest | undefined, drawn: boolean) {
  const nothing = { before: undefined, known: [] };
  const start = (error: unknown) => {
    if (!(error instanceof BlobMissing)) throw error;
    ctx.progress({ phase: 'import', message: `${error.message}, which the last import left: taking all in again` });
    return undefined;
  };
  const before = originals && (await readDataset(ctx.blobs, originals).catch(start));
  if (before === undefined) return nothing;
  const pages = readKnownPages(ctx.blobs, before);
  const known = await (drawn ? pages : pages.catch(start));
  return known === undefined ? nothing : { before, known };
}

function describeImport(name: string, { ref, dataset, rewritten }: ExtendedOriginals, { computed }: Arrivals): Json {
  const pages = { total: dataset.pages.length, computed: computed.pages + rewritten };
  const items = { total: dataset.counts.pictures ?? 0, computed: computed.items };
  return {
    v: 1,
    dataset: name,
    originals: ref.digest,
    pages: { ...pages, cached: pages.total - pages.computed },
    items: { ...items, cached: items.total - items.computed },
    counts: dataset.counts,
    removed: dataset.removed.slice(0, MAX_SHOWN),
    rejects: dataset.rejects.slice(0, MAX_SHOWN),
  };
}

async function openSource(
  ctx: EffectContext,
  { tar, folder }: { readonly tar?: Digest | undefined; readonly folder?: string | undefined },
): Promise<ImportSource> {
  if (tar !== undefined) return openTar(await ctx.blobs.get(tar));
  return openFolder(folder ?? '.', ctx.importRoots);
}
