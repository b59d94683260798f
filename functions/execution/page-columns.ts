/** @file What a page function reads from one page, what it adds to the page, and the dataset of the new pages. */
import { type ColumnName, SIGNAL_NAMES } from '../../configs/signals.ts';
import { Internal, Unprocessable } from '../../errors.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import type { Digest } from '../../storage/digest.ts';
import { readItems } from '../../storage/items.ts';
import type { Action, Dataset, Item, Page, Result } from '../../storage/records.ts';
import type { BlobRef } from '../../storage/types.ts';
import type { FunctionContext, PageFunction, PageInput, PageOutcome, PureOutcome } from '../define.ts';

/** @throws Unprocessable when a page lacks a column that the function needs. */
export function checkColumns(fn: PageFunction, dataset: Dataset): void {
  for (const column of fn.needs) {
    if (dataset.pages.every(page => page.columns[column] !== undefined)) continue;
    const has = Object.keys(dataset.pages[0]?.columns ?? {});
    throw new Unprocessable(`${fn.name} needs the column "${column}", which the dataset does not have`, {
      expected: `a dataset with the columns ${fn.needs.join(', ')}; it has ${has.join(', ') || 'none'}`,
      hint: 'run the stage that makes the column first, or prepare, which runs all',
    });
  }
}

/** Only the items and the needed columns enter the action of a page, so other columns do not invalidate it. */
export function pageAction(fn: PageFunction, params: Action['params'], page: Page): Action {
  const inputs: Record<string, Digest> = { items: page.items };
  for (const column of fn.needs) inputs[column] = columnOf(page, column);
  return { v: 1, function: fn.name, version: fn.version, params, inputs, ...(fn.tools && { tools: fn.tools }) };
}

/** Outputs: one blob for each column that the function adds. stats.items: number of items in the page. */
export async function computePage(
  fn: PageFunction,
  input: Readonly<Record<string, unknown>>,
  page: Page,
  ctx: FunctionContext,
): Promise<PureOutcome> {
  const items = await readItems(ctx.blobs, page);
  const columns: { -readonly [K in keyof PageInput['columns']]: PageInput['columns'][K] } = {};
  for (const column of fn.needs) columns[column] = readColumn(await ctx.blobs.get(columnOf(page, column)));
  const outcome = await fn.run(ctx, { items, columns }, input);
  const outputs: Record<string, BlobRef> = {};
  for (const [index, column] of fn.adds.entries()) {
    const members = index === 0 ? outcome.members : outcome.also?.[column];
    outputs[column] = await ctx.blobs.put(packColumn(checkMembers(fn, column, members, items)), 'application/x-tar');
  }
  return { outputs, stats: { ...outcome.stats, items: items.length } };
}

function columnOf(page: Page, column: ColumnName): Digest {
  const digest = page.columns[column];
  if (digest === undefined) throw new Internal(`a page without the column "${column}" passed the check`);
  return digest;
}

function checkMembers(
  fn: PageFunction,
  column: ColumnName,
  members: PageOutcome['members'] | undefined,
  items: readonly Item[],
): PageOutcome['members'] {
  if (members === undefined) throw new Internal(`${fn.name} adds the column ${column} but returned no members for it`);
  const ids = new Set(items.map(item => item.id));
  for (const name of members.keys()) {
    if (!ids.has(name.split('.')[0] ?? ''))
      throw new Internal(`${fn.name}: member "${name}" belongs to no item of its page`);
  }
  return members;
}

/**
 * The page with the columns of the result.
 * @param dependents Columns that are computed from a column: when its content changes, the page loses them.
 */
export function addColumns(
  fn: PageFunction,
  page: Page,
  result: Result,
  dependents: (column: ColumnName) => readonly ColumnName[],
): Page {
  const columns = { ...page.columns };
  const stale: ColumnName[] = [];
  for (const column of fn.adds) {
    const output = result.outputs[column];
    if (output === undefined) throw new Internal(`the result of a page of ${fn.name} has no output "${column}"`);
    if (columns[column] !== undefined && columns[column] !== output.digest) stale.push(...dependents(column));
    columns[column] = output.digest;
  }
  for (const column of stale) if (!fn.adds.includes(column)) delete columns[column];
  return { items: page.items, columns };
}

/** The dataset with new pages. A signal that a page lost loses its encoder. */
export function assembleDataset(
  fn: PageFunction,
  input: Readonly<Record<string, unknown>>,
  before: Dataset,
  pages: readonly Page[],
): Dataset {
  const known = new Set(before.pages.flatMap(digestsOf));
  const encoders = { ...before.encoders, ...fn.encoders?.(input) };
  for (const signal of SIGNAL_NAMES) {
    if (!pages.every(page => page.columns[signal] !== undefined)) delete encoders[signal];
  }
  return {
    ...before,
    pages: [...pages],
    encoders,
    // Links beyond the pages (originals, archives) stay. Sorted, so that the order of the stages does not show.
    links: [...new Set([...pages.flatMap(digestsOf), ...before.links.filter(link => !known.has(link))])].sort(),
  };
}

function digestsOf(page: Page): Digest[] {
  return [page.items, ...Object.values(page.columns)];
}
