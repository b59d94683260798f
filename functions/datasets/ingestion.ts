/** @file The work of `ingest` on the pages of an inspected dataset. */
import { memberName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { readColumn } from '../../formats/webdataset.ts';
import { putItems, readItems } from '../../storage/blobs/items.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item, Page, Reject, Split } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { FunctionContext } from '../define.ts';
import type { Noted } from '../notes/notes.ts';
import { packMarks } from '../pictures/near-duplicates.ts';
import { type Assignment, assignClusters } from './clusters.ts';
import { type Inspection, parseInspection } from './inspection.ts';

/** Largest number of pages read at once. */
const READ_WIDTH = 16;

export interface InspectedItem {
  readonly item: Item;
  readonly inspection: Inspection;
}

export interface InspectedPage {
  readonly page: Page;
  readonly items: readonly InspectedItem[];
}

export interface IngestedPages {
  readonly pages: Page[];
  /** Items of all pages that stay. */
  readonly items: readonly Item[];
  readonly rejects: readonly Reject[];
  /** On items that stay. */
  readonly noted: readonly Noted[];
}

/** @throws Unprocessable if a page was not inspected. */
export function readInspectedPages(blobs: BlobStore, dataset: Dataset): Promise<InspectedPage[]> {
  return mapBounded(dataset.pages, { width: READ_WIDTH }, async page => {
    if (page.columns.inspect === undefined) {
      throw new Unprocessable('the dataset has no column "inspect"', { hint: 'run inspect first' });
    }
    const members = readColumn(await blobs.get(page.columns.inspect));
    const items = (await readItems(blobs, page)).map(item => {
      const member = members.get(memberName('inspect', item.id));
      if (member === undefined) throw new Unprocessable(`"${item.name}" (${item.id}) was not inspected`);
      return { item, inspection: parseInspection(member) };
    });
    return { page, items };
  });
}

/** @param before Pages of an ingested dataset. Its pictures keep cluster and split, and near-duplicates join them. */
export async function ingestPages(
  ctx: FunctionContext,
  pages: readonly InspectedPage[],
  before: readonly InspectedPage[],
): Promise<IngestedPages> {
  const fixed = new Map<string, Assignment>();
  for (const { item } of before.flatMap(page => page.items)) {
    if (item.cluster !== undefined && item.split !== undefined) {
      fixed.set(item.id, { cluster: item.cluster, split: item.split });
    }
  }
  /** Splits that the source says. */
  const said = new Map<string, Split>();
  for (const { item } of pages.flatMap(page => page.items)) {
    if (item.split === undefined || fixed.has(item.id)) continue;
    if (item.cluster === undefined) said.set(item.id, item.split);
    else fixed.set(item.id, { cluster: item.cluster, split: item.split });
  }
  const accepted = [...before, ...pages]
    .flatMap(page => page.items)
    .flatMap(({ item, inspection }) => (inspection.accepted ? [{ id: item.id, inspection }] : []));
  const unique = [...new Map(accepted.map(each => [each.id, each])).values()];
  const ids = unique.map(({ id }) => id);
  const assigned = assignClusters(ids, await findNear(ctx, unique), fixed, said);

  const rejects: Reject[] = [];
  const noted: Noted[] = [];
  const kept: Item[] = [];
  const made: Page[] = [];
  for (const { page, items } of pages) {
    const stay: Item[] = [];
    for (const { item, inspection } of items) {
      const { id, name } = item;
      const assignment = assigned.get(id);
      if (!inspection.accepted) {
        const { reason, group } = inspection;
        rejects.push({ name, id, reason, ...(group !== undefined && { group }) });
      } else if (assignment && 'reason' in assignment) rejects.push({ name, id, reason: assignment.reason });
      else {
        stay.push({ ...item, ...assignment, width: inspection.width, height: inspection.height });
        noted.push(...inspection.notes.map(({ code, ...note }) => ({ code, items: [{ id, name, ...note }] })));
      }
    }
    kept.push(...stay);
    made.push({ items: (await putItems(ctx.blobs, stay)).digest, columns: pick(page) });
  }
  return { pages: made, items: kept, rejects, noted };
}

/** Keeps the column `inspect`. Later columns were computed from other items. */
function pick({ columns: { inspect } }: Page): Page['columns'] {
  return inspect === undefined ? {} : { inspect };
}

async function findNear(
  ctx: FunctionContext,
  pictures: readonly { readonly inspection: Extract<Inspection, { accepted: true }> }[],
): Promise<Map<number, number[]>> {
  const marks = packMarks(pictures.map(({ inspection }) => inspection));
  const pairs = await ctx.task<Uint32Array>('find-near-duplicates', marks);
  const near = new Map<number, number[]>();
  for (let i = 0; i < pairs.length; i += 2) {
    const [later = 0, earlier = 0] = pairs.subarray(i, i + 2);
    const list = near.get(later) ?? [];
    list.push(earlier);
    near.set(later, list);
  }
  return near;
}
