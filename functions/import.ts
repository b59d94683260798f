/** @file Imports pictures into a named dataset of originals. The same call again imports changes only. */
import { z } from 'zod';
import { quantity } from '../configs/quantity.ts';
import { BlobMissing, Unprocessable } from '../errors.ts';
import { READ_FORMATS } from '../formats/file-format.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import { canonicalJson, type Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import type { Dataset, DatasetHead } from '../storage/records.ts';
import { moveDatasetHead, readDatasetHead } from './datasets/dataset-head.ts';
import { summarizeDataset } from './datasets/summarize-dataset.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { checkWording, DRAWN_SETS, WORDING_ERROR } from './import/drawn-sets.ts';
import { type Arrivals, type ExtendedOriginals, extendOriginals } from './import/extend-originals.ts';
import { checkSource, importShape, SOURCE_ERROR } from './import/import-body.ts';
import { importDrawn } from './import/import-drawn.ts';
import { importFiles } from './import/import-files.ts';
import { type ImportSource, openStoredTar, openTarsWithin } from './import/import-source.ts';
import { type KnownPage, readKnownPages } from './import/known-pages.ts';
import { namesPicture } from './import/names-picture.ts';
import { openBucket } from './import/open-bucket.ts';
import { openFolder } from './import/open-folder.ts';
import { readOriginalLayout } from './import/original-layout.ts';
import { writeDatasetView } from './views/dataset-view.ts';

/** Most rejects and removed ids that an answer names. The dataset holds all. */
const MAX_SHOWN = 100;
/** Most files that an error names. */
const MAX_NAMED = 5;

const inputSchema = z
  .strictObject(importShape)
  .refine(checkSource, { error: SOURCE_ERROR })
  .refine(checkWording, WORDING_ERROR);

export const importPictures = defineFunction({
  name: 'import',
  summary: 'Imports pictures into a named dataset of originals: a bundled set, a folder, a bucket, or a tar.',
  version: 1,
  kind: 'effect',
  digests: { tar: 'blob' },
  example: { dataset: 'portraits', source: 'portraits', count: 6000, size: 64, seed: 1 },
  input: inputSchema,
  key: input => canonicalJson(input),
  async run(ctx, input) {
    const head = await readDatasetHead(ctx.store, input.dataset);
    const drawn = input.source && DRAWN_SETS[input.source];
    const { before, known } = await readLastImport(ctx, head?.value.originals, drawn !== undefined);
    const { count = 0, seed, size } = input;
    const wording = input.wording === 'varied' ? { wording: input.wording } : {};
    const arrivals = drawn
      ? await importDrawn(ctx, drawn, { count, seed, size, ...wording }, known, before)
      : await importSource(ctx, input, known, before?.given);
    if (arrivals.present.size === 0) throw noPicture(input, arrivals, head !== undefined);
    const extended = await extendOriginals(ctx.blobs, arrivals);
    const { ref } = extended;
    const value: DatasetHead = { v: 1, dataset: ref.digest, ...head?.value, originals: ref.digest };
    // Another server may have finished the same import by now.
    await moveDatasetHead(ctx.store, input.dataset, head, value, now => now.originals === ref.digest);
    await writeDatasetView(ctx, input.dataset);
    return describeImport(input.dataset, extended, arrivals);
  },
});

/**
 * Reads the pages of the last import. If documents are lost that only an import can make, returns nothing, so that the
 * whole source is imported again.
 * @param drawn A function makes the pages of items, and can make them again.
 */
async function readLastImport(ctx: EffectContext, originals: Digest | undefined, drawn: boolean) {
  const nothing = { before: undefined, known: [] };
  const start = (error: unknown) => {
    if (!(error instanceof BlobMissing)) throw error;
    ctx.progress({ phase: 'import', message: `the last import is damaged (${error.message}): importing all again` });
    return undefined;
  };
  const before = originals && (await readDataset(ctx.blobs, originals).catch(start));
  if (before === undefined) return nothing;
  const pages = readKnownPages(ctx.blobs, before);
  const known = await (drawn ? pages : pages.catch(start));
  return known === undefined ? nothing : { before, known };
}

function describeImport(
  name: string,
  { ref, dataset, rewritten }: ExtendedOriginals,
  { computed, kept }: Arrivals,
): Json {
  const removed = [...kept.ids, ...dataset.removed];
  const pages = { total: dataset.pages.length, computed: computed.pages + rewritten };
  const items = { total: dataset.counts.pictures ?? 0, computed: computed.items };
  return {
    v: 1,
    dataset: name,
    originals: ref.digest,
    pages: { ...pages, cached: pages.total - pages.computed },
    items: { ...items, cached: items.total - items.computed },
    removed: removed.slice(0, MAX_SHOWN),
    rejects: dataset.rejects.slice(0, MAX_SHOWN),
    ...summarizeDataset({ ...dataset, counts: { ...dataset.counts, removed: removed.length } }),
  };
}

/** An empty dataset is of no use, and a drive that is not mounted must not empty one. */
function noPicture({ folder, s3, tar, dataset }: SourceOfImport, { rejects, hidden }: Arrivals, isThere: boolean) {
  const source = tar === undefined ? `"${folder ?? s3}"` : `the tar ${tar}`;
  const named = rejects.slice(0, MAX_NAMED).map(({ name, reason }) => `${name} (${reason})`);
  const others = [
    ...(rejects.length > 0 ? [`${quantity(rejects.length, 'other file')}: ${named.join(', ')}`] : []),
    ...(rejects.length > named.length ? ['...'] : []),
    ...(hidden > 0 ? [`${quantity(hidden, 'hidden file')}`] : []),
  ].join(', ');
  return new Unprocessable(`no picture was found in ${source}${others && `, but ${others}`}`, {
    expected: `a folder or tar with pictures: ${READ_FORMATS}`,
    hint:
      'see whether the path is right and its drive is mounted' +
      (isThere ? `; the dataset "${dataset}" keeps what it has: to empty it, DELETE /datasets/${dataset}` : ''),
    details: { rejects: rejects.slice(0, MAX_SHOWN) },
  });
}

interface SourceOfImport {
  readonly dataset: string;
  readonly tar?: Digest | undefined;
  readonly s3?: string | undefined;
  readonly folder?: string | undefined;
}

async function importSource(
  ctx: EffectContext,
  input: z.output<typeof inputSchema>,
  known: readonly KnownPage[],
  givenBefore: Dataset['given'],
): Promise<Arrivals> {
  const opened = await openSource(ctx, input);
  try {
    let tars = 0;
    const source = readOriginalLayout(
      await openTarsWithin(opened, namesPicture, () => {
        ctx.signal.throwIfAborted();
        ctx.progress({ phase: 'list', done: ++tars, total: tars, unit: 'tars' });
      }),
    );
    return await importFiles(ctx, source, known, {
      encoding: input.caption_encoding,
      folderSplits: input.splits !== 'ignore',
      missingSignals: input.missing_signals ?? 'error',
      registerRows: input.register_rows,
      givenBefore,
    });
  } finally {
    await opened.close?.();
  }
}

async function openSource(ctx: EffectContext, { tar, folder, s3 }: SourceOfImport): Promise<ImportSource> {
  if (tar !== undefined) return openStoredTar(ctx.blobs, tar);
  if (s3 !== undefined) return openBucket(s3, ctx.importBuckets, ctx.signal);
  return openFolder(folder ?? '.', ctx.importRoots);
}
