/** @file The columns that a page function reads from a page and adds to it, and the dataset of the new pages. */
import { type ColumnName, SIGNAL_NAMES } from '../../configs/signals.ts';
import { Internal, Unprocessable } from '../../errors.ts';
import { readColumn, streamColumn } from '../../formats/webdataset.ts';
import { readItems } from '../../storage/blobs/items.ts';
import type { Digest } from '../../storage/digest.ts';
import type { Action, Dataset, Item, Page, Result } from '../../storage/records.ts';
import type { BlobRef } from '../../storage/types.ts';
import type { PageContext, PageFunction, PureOutcome, WeightDigests } from '../define.ts';
import { addUpNotes, keepNotes, type Noted, withNotes, writeNoted } from '../notes/notes.ts';
import { toolsOf } from './calls.ts';
import type { ParsedCall } from './parse-call.ts';

/** @throws Unprocessable when a page lacks a column that the call needs. */
export function checkColumns(fn: PageFunction, input: Input, dataset: Dataset): void {
  const needs = columnsNeeded(fn, input);
  for (const column of needs) {
    if (dataset.pages.every(page => page.columns[column] !== undefined)) continue;
    const has = Object.keys(dataset.pages[0]?.columns ?? {});
    throw new Unprocessable(`${fn.name} needs the column "${column}", which the dataset does not have`, {
      expected: `a dataset with the columns ${needs.join(', ')}; it has ${has.join(', ') || 'none'}`,
      hint: 'run the stage that makes the column first, or prepare, which runs all',
    });
  }
}

type Input = Readonly<Record<string, unknown>>;

function columnsNeeded(fn: PageFunction, input: Input): readonly ColumnName[] {
  return [...fn.needs, ...(fn.alsoNeeds?.(input) ?? [])];
}

/** The columns of this page that a call reads: those that it needs, and those that it uses where they are. */
function columnsRead(fn: PageFunction, input: Input, page: Page): readonly ColumnName[] {
  const used = fn.reads?.(input) ?? fn.uses ?? [];
  const needs = columnsNeeded(fn, input);
  return [...needs, ...used.filter(column => page.columns[column] !== undefined && !needs.includes(column))];
}

export function columnsMade(fn: PageFunction, input: Input): readonly ColumnName[] {
  return fn.makes?.(input) ?? fn.adds;
}

/**
 * Only the items, the columns that are read and weights enter the action of a page, so other columns do not invalidate
 * it.
 */
export function pageAction(fn: PageFunction, { input, params, inputs: given, engine }: ParsedCall, page: Page): Action {
  const { dataset: _, ...weights } = given;
  const inputs: Record<string, Digest> = { ...weights, items: page.items };
  for (const column of columnsRead(fn, input, page)) inputs[column] = columnOf(page, column);
  const tools = toolsOf(fn, input);
  return {
    v: 1,
    function: fn.name,
    version: fn.version,
    params,
    inputs,
    ...(tools && { tools: { ...tools } }),
    ...(engine && { engine }),
  };
}

/**
 * Outputs: one blob for each column that the call makes. stats.items: number of items in the page; stats.notes: its
 * notes, if it has any.
 */
export async function computePage(fn: PageFunction, input: Input, page: Page, ctx: PageContext): Promise<PureOutcome> {
  const items = await readItems(ctx.blobs, page);
  const isRead = !fn.leavesUnread?.(input);
  const columns: Partial<Record<ColumnName, ReadonlyMap<string, Uint8Array>>> = {};
  const digests: Partial<Record<ColumnName, Digest>> = {};
  for (const column of columnsRead(fn, input, page)) {
    const digest = columnOf(page, column);
    digests[column] = digest;
    if (isRead) columns[column] = readColumn(await ctx.blobs.get(digest));
  }
  const outcome = await fn.run(ctx, { items, columns, digests }, input);
  const outputs: Record<string, BlobRef> = {};
  for (const column of columnsMade(fn, input)) {
    const made = outcome.columns[column];
    if (made === undefined) throw new Internal(`${fn.name} makes the column ${column} but returned none`);
    outputs[column] = 'digest' in made ? made : await putColumn(ctx, checkMembers(fn, made, items));
  }
  const notes = writeNoted(outcome.notes);
  return { outputs, stats: { ...outcome.stats, items: items.length, ...(notes.length > 0 && { notes }) } };
}

/** Columns of large pictures go to the disk piece by piece: a copy of a column would double the memory of its page. */
function putColumn({ blobs }: PageContext, members: ReadonlyMap<string, Uint8Array>): Promise<BlobRef> {
  return blobs.putStream(streamColumn(members), { mediaType: 'application/x-tar' });
}

function columnOf(page: Page, column: ColumnName): Digest {
  const digest = page.columns[column];
  if (digest === undefined) throw new Internal(`a page without the column "${column}" passed the check`);
  return digest;
}

function checkMembers(
  fn: PageFunction,
  members: ReadonlyMap<string, Uint8Array>,
  items: readonly Item[],
): ReadonlyMap<string, Uint8Array> {
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
 * @param voids Columns that the page loses if they are not made.
 */
export function addColumns(
  made: readonly ColumnName[],
  page: Page,
  result: Result,
  dependents: (column: ColumnName) => readonly ColumnName[],
  voids: readonly ColumnName[] = [],
): Page {
  const columns = { ...page.columns };
  const stale: ColumnName[] = [];
  for (const column of made) {
    const output = result.outputs[column];
    if (output === undefined) {
      throw new Internal(`the result of a page of ${result.action.function} has no output "${column}"`);
    }
    if (columns[column] !== undefined && columns[column] !== output.digest) stale.push(...dependents(column));
    columns[column] = output.digest;
  }
  for (const column of [...stale, ...voids]) if (!made.includes(column)) delete columns[column];
  return { items: page.items, columns };
}

/**
 * The dataset with new pages, and their notes in place of those on the columns made. A signal that a page lost loses
 * its encoder, and a column its notes.
 */
export function assembleDataset(
  fn: PageFunction,
  input: Readonly<Record<string, unknown>>,
  before: Dataset,
  pages: readonly Page[],
  noted: readonly Noted[],
): Dataset {
  const made = columnsMade(fn, input);
  const isWhole = (column: ColumnName) => pages.every(page => page.columns[column] !== undefined);
  const kept = keepNotes(before.notes, column => !made.includes(column) && isWhole(column));
  const known = new Set(before.pages.flatMap(digestsOf));
  const weights = input.weights as WeightDigests | undefined;
  const encoders = { ...before.encoders, ...fn.encoders?.(input, weights, before) };
  for (const signal of SIGNAL_NAMES) {
    if (!isWhole(signal)) delete encoders[signal];
  }
  const { notes: _, buckets, ...rest } = before;
  return {
    ...rest,
    ...(buckets && isWhole('image') && { buckets }),
    pages: [...pages],
    encoders,
    ...withNotes(kept, addUpNotes(noted, new Set(before.removed))),
    // Links beyond the pages (originals, archives) stay. Sorted, so that the order of the stages does not show.
    links: [
      ...new Set([
        ...pages.flatMap(digestsOf),
        ...Object.values(weights ?? {}).flat(),
        ...before.links.filter(link => !known.has(link)),
      ]),
    ].sort(),
  };
}

function digestsOf(page: Page): Digest[] {
  return [page.items, ...Object.values(page.columns)];
}
