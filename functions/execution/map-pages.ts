/**
 * @file Maps a page function over a dataset. Each page is an action of its own, so a kill loses only pages under way.
 */
import { availableParallelism } from 'node:os';
import PQueue from 'p-queue';
import { COLUMN_NAMES, type ColumnName } from '../../configs/signals.ts';
import { Cancelled, Internal } from '../../errors.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import { readAllItems } from '../../storage/blobs/items.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { Action, Page } from '../../storage/records.ts';
import type { AnyFunction, FunctionContext, PageContext, PageFunction, PureOutcome } from '../define.ts';
import { type Noted, readNoted } from '../notes/notes.ts';
import { addColumns, assembleDataset, checkColumns, columnsMade, computePage, pageAction } from './page-columns.ts';
import type { ParsedCall } from './parse-call.ts';
import { pieceKeeper } from './pieces.ts';
import type { ActionResolver, Resolved } from './resolve-action.ts';

/** Pages at once whose functions wait for other servers: enough that the next is there when one ends. */
const PAGES_WAITING = 2;

/**
 * Output `dataset`; stats { pages: { total, computed, cached }, items: { total, computed, cached } }.
 * `refresh`: compute every page again.
 */
export type MapPages = (
  fn: PageFunction,
  parsed: ParsedCall,
  ctx: FunctionContext,
  refresh: boolean,
) => Promise<PureOutcome>;

/**
 * One mapper serves all calls: calls at the same time share the cores, and compute a page that both have once.
 * @param concurrency Pages in work at once; default: cores.
 */
export function createPageMapper(
  functions: ReadonlyMap<string, AnyFunction>,
  resolver: ActionResolver,
  concurrency = availableParallelism(),
): MapPages {
  const computing = new PQueue({ concurrency });
  const waiting = new PQueue({ concurrency: PAGES_WAITING });
  const flights = new Map<Digest, Promise<Resolved>>();

  /** Joins another call that computes the same. When that call is cancelled, this one computes it itself. */
  async function resolveOnce(
    action: Action,
    refresh: boolean,
    compute: () => Promise<PureOutcome>,
    signal: AbortSignal,
  ): Promise<Resolved> {
    const digest = canonicalDigest(action);
    while (true) {
      const other = flights.get(digest);
      if (other === undefined) break;
      try {
        return await other;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Cancelled)) throw error;
      }
    }
    const flight = resolver.resolve(action, refresh, compute).finally(() => flights.delete(digest));
    flights.set(digest, flight);
    return flight;
  }

  /** Columns that page functions compute from this column, directly or through other columns. */
  function dependents(column: ColumnName): readonly ColumnName[] {
    const found = new Set<ColumnName>([column]);
    for (const reached of found) {
      for (const fn of functions.values()) {
        // A function that makes a column anew from itself does not age by its own work.
        const isRead = (each: PageFunction) =>
          each.needs.includes(reached) || (each.uses?.includes(reached) && !each.adds.includes(reached));
        if (fn.kind === 'page' && isRead(fn)) for (const added of fn.adds) found.add(added);
      }
    }
    found.delete(column);
    return COLUMN_NAMES.filter(name => found.has(name));
  }

  /** The first failure stops pages that have not started, and is thrown when the running pages have ended. */
  async function forEachPage(
    queue: PQueue,
    pages: readonly Page[],
    signal: AbortSignal,
    each: (page: Page, index: number) => Promise<void>,
  ): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    await Promise.all(
      pages.map((page, index) =>
        queue.add(async () => {
          if (failure !== undefined) return;
          try {
            signal.throwIfAborted();
            await each(page, index);
          } catch (error) {
            failure ??= { error };
          }
        }),
      ),
    );
    if (failure !== undefined) throw failure.error;
  }

  return async (fn, parsed, ctx, refresh) => {
    const { dataset: given, ...input } = parsed.input;
    if (typeof given !== 'string' || !isDigest(given)) throw new Internal(`${fn.name} has no dataset`);
    const dataset = await readDataset(ctx.blobs, given);
    checkColumns(fn, input, dataset);
    await fn.check?.(ctx, dataset, input);
    const pages = [...dataset.pages];
    const noted: (readonly Noted[])[] = [];
    const total = pages.length;
    const count = { pages: { total, computed: 0, cached: 0 }, items: { total: 0, computed: 0, cached: 0 } };
    const begun = new Map<number, number>();
    const report = () => {
      const under = [...begun.values()].reduce((sum, items) => sum + items, 0);
      ctx.progress({
        phase: fn.name,
        done: count.pages.cached + count.pages.computed,
        total,
        unit: 'pages',
        metrics: { items: count.items.total + under, computed_items: count.items.computed + under },
      });
    };
    ctx.progress({ phase: fn.name, done: 0, total, unit: 'pages' });

    /** Pages run side by side, so of their progress only the sum of finished pictures is shown. */
    const contextOf = (index: number): PageContext => ({
      ...ctx,
      progress({ phase, done, unit, message }) {
        if (message !== undefined && phase === fn.name) ctx.progress({ phase, message });
        if (unit !== 'pictures' || done === undefined) return;
        begun.set(index, done);
        report();
      },
      piece: pieceKeeper(fn, ctx.blobs, (action, compute) => resolveOnce(action, refresh, compute, ctx.signal)),
    });

    const queue = fn.waitsForOthers?.(input) ? waiting : computing;
    await forEachPage(queue, dataset.pages, ctx.signal, async (page, index) => {
      const action = pageAction(fn, parsed, page);
      const compute = () => computePage(fn, input, page, contextOf(index));
      const { cache, result } = await resolveOnce(action, refresh, compute, ctx.signal);
      pages[index] = addColumns(columnsMade(fn, input), page, result, dependents, fn.voids);
      noted[index] = readNoted(result.stats.notes);
      const items = typeof result.stats.items === 'number' ? result.stats.items : 0;
      const kind = cache === 'hit' ? 'cached' : 'computed';
      begun.delete(index);
      count.pages[kind]++;
      count.items[kind] += items;
      count.items.total += items;
      report();
    });

    const described = fn.describe?.(await readAllItems(ctx.blobs, dataset), input);
    const made = { ...assembleDataset(fn, input, dataset, pages, noted.flat()), ...described };
    return { outputs: { dataset: await putDocument(ctx.blobs, made) }, links: made.links, stats: count };
  };
}
