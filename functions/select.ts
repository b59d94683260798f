/** @file Chooses the pictures of a dataset that are left out: by rules on their measures, and by a person's list. */
import { z } from 'zod';
import { memberName } from '../configs/signals.ts';
import { Unprocessable } from '../errors.ts';
import { readColumn } from '../formats/webdataset.ts';
import { putDocument, readDataset, readDocument } from '../storage/blobs/document-blobs.ts';
import { readItems } from '../storage/blobs/items.ts';
import { mapBounded } from '../storage/map-bounded.ts';
import { type Dataset, digestSchema, type Item } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { decisionsSchema, NO_DECISIONS, type Selection } from './curation/approvals.ts';
import { type CurationRecord, parseCuration } from './curation/curation-record.ts';
import { describeSpread } from './curation/distribution.ts';
import { MEASURE_NAMES } from './curation/measures.ts';
import { findNearPairs, type MarkedPicture } from './curation/near-pairs.ts';
import { findIdleRules, needsMeasures, rulesSchema } from './curation/rules.ts';
import { selectPictures } from './curation/select-pictures.ts';
import { parseInspection } from './datasets/inspection.ts';
import { defineFunction } from './define.ts';

/** Pages read at once. */
const WIDTH = 8;

export const select = defineFunction({
  name: 'select',
  summary:
    'Chooses pictures to leave out, by rules on their measures and by a list of approvals, and lists near-duplicates ' +
    'as pairs. `ingest` takes its answer.',
  version: 1,
  kind: 'pure',
  digests: { dataset: 'dataset', decisions: 'blob' },
  example: { dataset: 'portraits', rules: { blur: { min: 100 }, duplicate: { max: 0 } } },
  input: z.strictObject({
    dataset: digestSchema.describe('an ingested dataset; rules on measures need the column of `curate`'),
    decisions: digestSchema.optional().describe('the blob of a list of approvals, as `prepare` stores it'),
    rules: rulesSchema.default({}).describe('what pictures must have, by measure'),
  }),
  async run(ctx, { dataset: digest, decisions: list, rules }) {
    const dataset = await readDataset(ctx.blobs, digest);
    const decisions = list ? await readDocument(ctx.blobs, list, decisionsSchema, 'a list of decisions') : NO_DECISIONS;
    const pictures = await readPictures(ctx.blobs, dataset, new Set(decisions.drop), ctx.signal);
    const records = new Map(pictures.flatMap(({ item, record }) => (record ? [[item.id, record] as const] : [])));
    if (needsMeasures(rules)) checkRules(rules, [...records.values()], pictures.length);
    const items = pictures.map(({ item }) => item);
    const drop = selectPictures(items, records, decisions, rules);
    const selection: Selection = { v: 1, kind: 'selection', drop, links: [] };
    const gone = new Set(drop.map(({ id }) => id));
    const pairs = findNearPairs(pictures.flatMap(({ marked }) => (marked && !gone.has(marked.id) ? [marked] : [])));
    const report = {
      v: 1,
      kind: 'curation-report',
      pairs: pairs.map(pair => ({ ...pair, first: { ...pair.first }, second: { ...pair.second } })),
      links: [],
    } as const;
    const measures = Object.fromEntries(
      MEASURE_NAMES.flatMap(name => {
        const spread = describeSpread([...records.values()].flatMap(({ measures }) => measures[name] ?? []));
        if (spread === undefined) return [];
        const { bins: _, from: __, to: ___, ...numbers } = spread;
        return [[name, { ...numbers }]];
      }),
    );
    return {
      outputs: {
        selection: await putDocument(ctx.blobs, selection),
        report: await putDocument(ctx.blobs, report),
      },
      stats: {
        pictures: items.length,
        left_out: drop.length,
        by_list: decisions.drop.filter(id => gone.has(id)).length,
        near_pairs: pairs.length,
        measures,
      },
    };
  },
});

interface Picture {
  readonly item: Item;
  readonly record: CurationRecord | undefined;
  readonly marked: MarkedPicture | undefined;
}

/** Without removed ones, except those that the list drops: they may have been left out because of it. */
async function readPictures(
  blobs: BlobStore,
  { pages, removed }: Dataset,
  dropped: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Picture[]> {
  const gone = new Set(removed.filter(id => !dropped.has(id)));
  const read = await mapBounded(pages, { width: WIDTH, signal }, async page => {
    const { curate, inspect } = page.columns;
    const [measured, inspected] = await Promise.all(
      [curate, inspect].map(async column => (column ? readColumn(await blobs.get(column)) : undefined)),
    );
    return (await readItems(blobs, page)).flatMap((item): Picture[] => {
      const { id, name, cluster = id } = item;
      if (gone.has(id)) return [];
      const record = measured?.get(memberName('curate', id));
      const found = inspected?.get(memberName('inspect', id));
      const inspection = found && parseInspection(found);
      return [
        {
          item,
          record: record && parseCuration(record),
          marked: inspection?.accepted ? { id, name, cluster, marks: inspection } : undefined,
        },
      ];
    });
  });
  return read.flat();
}

function checkRules(rules: z.output<typeof rulesSchema>, records: readonly CurationRecord[], pictures: number): void {
  if (pictures > 0 && records.length === 0) {
    throw new Unprocessable('the dataset has no column "curate", which the rules read', { hint: 'run curate first' });
  }
  const idle = findIdleRules(rules, records);
  if (records.length === 0 || idle.length === 0) return;
  throw new Unprocessable(`no picture has the measure that a rule reads: ${idle.join(', ')}`, {
    expected: 'rules on measures that are there',
    hint:
      'cut and enlargement need bucket with the key crop, joints_lost needs poses before that, and scores need a ' +
      'classifier; or leave the rule out',
  });
}
