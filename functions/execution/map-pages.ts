/** @file A page function over a whole dataset: each page an action of its own, so that a kill loses at most the pages in work. */
import type PQueue from 'p-queue';
import type { ProgressEvent } from '../../configs/progress.ts';
import { type ColumnName, SIGNAL_NAMES } from '../../configs/signals.ts';
import { Internal, Unprocessable } from '../../errors.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import type { Digest } from '../../storage/digest.ts';
import { putDocument, readDataset } from '../../storage/document-blobs.ts';
import { readItems } from '../../storage/items.ts';
import type { Action, Dataset, Item, Page, Result } from '../../storage/records.ts';
import type { BlobRef } from '../../storage/types.ts';
import type { FunctionContext, PageFunction, PageInput, PageOutcome, PureOutcome } from '../define.ts';

export interface PageCall {
  readonly fn: PageFunction;
  readonly dataset: Digest;
  readonly input: Readonly<Record<string, unknown>>;
  readonly params: Action['params'];
  /** What each page gets; its own progress is not shown, since pages run side by side. */
  readonly ctx: FunctionContext;
  progress(event: ProgressEvent): void;
  /** Columns that must go when one of these changes under them: the adds of the functions that need it. */
  dependents(column: ColumnName): readonly ColumnName[];
  /** Looks a page's action up, or runs `compute` and commits what it gives. */
  resolve(
    action: Action,
    compute: () => Promise<PureOutcome>,
  ): Promise<{ readonly cache: 'hit' | 'miss'; readonly result: Result }>;
  /** Shared by all calls: two datasets at once do not get twice the cores. */
  readonly queue: PQueue;
}

/** Output `dataset`; stats { pages: { total, computed, cached }, items: { total, computed, cached } }. */
export async function mapPages(call: PageCall): Promise<PureOutcome> {
  const { fn, ctx } = call;
  const dataset = await readDataset(ctx.blobs, call.dataset);
  checkColumns(fn, dataset);
  const pages: Page[] = [...dataset.pages];
  const count = { pages: { total: pages.length, computed: 0, cached: 0 }, items: { total: 0, computed: 0, cached: 0 } };
  call.progress({ phase: fn.name, done: 0, total: pages.length, unit: 'pages' });

  await runAll(dataset.pages, call, async (page, index) => {
    const { cache, result } = await call.resolve(pageAction(call, page), () => computePage(call, page));
    pages[index] = addColumns(call, page, result);
    const items = typeof result.stats.items === 'number' ? result.stats.items : 0;
    const kind = cache === 'hit' ? 'cached' : 'computed';
    count.pages[kind]++;
    count.items[kind] += items;
    count.items.total += items;
    call.progress({
      phase: fn.name,
      done: count.pages.cached + count.pages.computed,
      total: pages.length,
      unit: 'pages',
      metrics: { items: count.items.total, computed_items: count.items.computed },
    });
  });

  const made = assemble(call, dataset, pages);
  const ref = await putDocument(ctx.blobs, made);
  return { outputs: { dataset: ref }, links: made.links, stats: count };
}

/** Only the items and the columns it needs enter a page's action: another column never invalidates it. */
function pageAction({ fn, params }: PageCall, page: Page): Action {
  const inputs: Record<string, Digest> = { items: page.items };
  for (const column of fn.needs) inputs[column] = columnOf(page, column);
  return { v: 1, function: fn.name, version: fn.version, params, inputs, ...(fn.tools && { tools: fn.tools }) };
}

async function computePage({ fn, ctx, input }: PageCall, page: Page): Promise<PureOutcome> {
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

/** A column that changes takes those computed from its old content with it. */
function addColumns({ fn, dependents }: PageCall, page: Page, result: Result): Page {
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

function assemble({ fn, input }: PageCall, before: Dataset, pages: readonly Page[]): Dataset {
  const known = new Set(before.pages.flatMap(digestsOf));
  const encoders = { ...before.encoders, ...fn.encoders?.(input) };
  const has = (column: ColumnName) => pages.every(page => page.columns[column] !== undefined);
  for (const signal of SIGNAL_NAMES) if (!has(signal)) delete encoders[signal];
  return {
    ...before,
    pages: [...pages],
    encoders,
    // What is linked beyond the pages (originals, archives) stays. Sorted: the order of the stages must not show.
    links: [...new Set([...pages.flatMap(digestsOf), ...before.links.filter(link => !known.has(link))])].sort(),
  };
}

function digestsOf(page: Page): Digest[] {
  return [page.items, ...Object.values(page.columns)];
}

function checkColumns(fn: PageFunction, dataset: Dataset): void {
  for (const column of fn.needs) {
    if (dataset.pages.every(page => page.columns[column] !== undefined)) continue;
    const has = Object.keys(dataset.pages[0]?.columns ?? {});
    throw new Unprocessable(`${fn.name} needs the column "${column}", which the dataset does not have`, {
      expected: `a dataset with the columns ${fn.needs.join(', ')}; it has ${has.join(', ') || 'none'}`,
      hint: 'run the stage that makes the column first, or prepare, which runs all',
    });
  }
}

function columnOf(page: Page, column: ColumnName): Digest {
  const digest = page.columns[column];
  if (digest === undefined) throw new Internal(`a page without the column "${column}" passed the check`);
  return digest;
}

/** In the pages' order; the first failure stops what has not started, and is thrown when what runs has ended. */
async function runAll(
  pages: readonly Page[],
  call: PageCall,
  each: (page: Page, index: number) => Promise<void>,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    pages.map((page, index) =>
      call.queue.add(async () => {
        if (failure !== undefined) return;
        try {
          call.ctx.signal.throwIfAborted();
          await each(page, index);
        } catch (error) {
          failure ??= { error };
        }
      }),
    ),
  );
  if (failure !== undefined) throw failure.error;
}
