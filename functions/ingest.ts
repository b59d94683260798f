/** @file Drops rejected pictures, clusters near-duplicates, and gives each picture a split that never changes. */
import { z } from 'zod';
import { Unprocessable } from '../errors.ts';
import { putDocument, readDataset, readDocument } from '../storage/blobs/document-blobs.ts';
import { type Dataset, digestSchema, type Item, type Reject } from '../storage/records.ts';
import { selectionSchema } from './curation/approvals.ts';
import { ingestPages, readInspectedPages } from './datasets/ingestion.ts';
import { itemLinks } from './datasets/originals.ts';
import { defineFunction } from './define.ts';
import { addUpNotes, keepNotes, withNotes } from './notes/notes.ts';

/** Most rejects that an error names, and that its details have. */
const MAX_NAMED = 5;
const MAX_SHOWN = 100;

export const ingest = defineFunction({
  name: 'ingest',
  summary:
    'Drops rejected pictures and says why, clusters near-duplicates, and splits the clusters 90/5/5 into train, ' +
    'val and test.',
  version: 3,
  kind: 'pure',
  digests: { dataset: 'dataset', previous: 'dataset', selection: 'blob' },
  example: { dataset: 'portraits' },
  input: z.strictObject({
    dataset: digestSchema.describe('an inspected dataset'),
    previous: digestSchema
      .optional()
      .describe('an ingested dataset whose pictures keep their splits; not needed if the dataset only grew'),
    selection: digestSchema
      .optional()
      .describe('the output of `select`: pictures to leave out; their pages stay as they are'),
  }),
  async run(ctx, { dataset: digest, previous, selection }) {
    const dataset = await readDataset(ctx.blobs, digest);
    const pages = await readInspectedPages(ctx.blobs, dataset);
    const before = previous ? await readInspectedPages(ctx.blobs, await readDataset(ctx.blobs, previous)) : [];
    ctx.progress({ phase: 'ingest', done: 0, total: pages.length, unit: 'pages' });
    const ingested = await ingestPages(ctx, pages, before);
    const present = new Set(ingested.items.map(({ id }) => id));
    const chosen = selection && (await readDocument(ctx.blobs, selection, selectionSchema, 'a selection'));
    const unwanted = new Set(dataset.removed);
    const left = chosen?.drop.filter(({ id }) => present.has(id) && !unwanted.has(id)) ?? [];
    const removed = new Set([...dataset.removed, ...left.map(({ id }) => id)]);
    const items = ingested.items.filter(item => !removed.has(item.id));
    const counts: Record<string, number> = { ...dataset.counts, pictures: items.length, train: 0, val: 0, test: 0 };
    for (const { split } of items) if (split) counts[split] = (counts[split] ?? 0) + 1;
    const names = new Map(ingested.items.map(({ id, name }) => [id, name]));
    const rejects = [
      ...dataset.rejects,
      ...ingested.rejects.filter(({ id = '' }) => !removed.has(id)),
      ...left.map(({ id, ...why }) => ({ name: names.get(id) ?? id, id, ...why })),
    ];
    if (items.length === 0) throw nothingTaken(rejects);
    // The first of a cluster may be left out.
    const duplicates = listDuplicates(items, chosen ? names : new Map(items.map(({ id, name }) => [id, name])));
    const near = duplicates.map(({ of, ...item }) => ({ ...item, amount: 0, text: `nearly equals ${of}` }));
    const noted = addUpNotes([{ code: 'near_duplicate', items: near }, ...ingested.noted], removed);
    const ofSource = keepNotes(dataset.notes, () => false);
    const made: Dataset = {
      v: 1,
      kind: 'dataset',
      pages: ingested.pages,
      removed: [...removed],
      encoders: {},
      counts: { ...counts, duplicates: duplicates.length, rejected: rejects.length },
      rejects,
      ...withNotes(ofSource, noted),
      ...(dataset.given && { given: dataset.given }),
      links: [
        ...new Set([
          ...ingested.pages.flatMap(page => [page.items, ...Object.values(page.columns)]),
          ...itemLinks(ingested.items),
        ]),
      ],
    };
    const ref = await putDocument(ctx.blobs, made);
    ctx.progress({ phase: 'ingest', done: pages.length, total: pages.length, unit: 'pages' });
    const report = { v: 1, kind: 'ingest-report', counts: made.counts, duplicates, rejects, links: [] } as const;
    const reportRef = await putDocument(ctx.blobs, report);
    return { outputs: { dataset: ref, report: reportRef }, links: made.links, stats: { counts: made.counts } };
  },
});

function nothingTaken(rejects: readonly Reject[]): Unprocessable {
  const named = rejects.slice(0, MAX_NAMED).map(({ name, reason }) => `${name} (${reason})`);
  const list = rejects.length > named.length ? [...named, '...'] : named;
  return new Unprocessable(['no picture can be taken', list.join(', ')].filter(Boolean).join(': '), {
    expected: 'at least one picture without a fault',
    hint: 'mend what is named, and repeat the call; the dataset keeps what it has',
    details: { rejects: rejects.slice(0, MAX_SHOWN) },
  });
}

/** Pictures that nearly equal an earlier one. They stay in the dataset, in the split of the earlier one. */
function listDuplicates(
  items: readonly Item[],
  names: ReadonlyMap<string, string>,
): { readonly id: string; readonly name: string; readonly of: string }[] {
  return items.flatMap(({ id, name, cluster = id }) =>
    cluster === id ? [] : [{ id, name, of: names.get(cluster) ?? cluster }],
  );
}
