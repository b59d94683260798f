/** @file Page functions for execute: pages shared by several calls are computed once, on a bounded number of cores. */
import { availableParallelism } from 'node:os';
import PQueue from 'p-queue';
import { COLUMN_NAMES, type ColumnName } from '../../configs/signals.ts';
import { Cancelled, Internal } from '../../errors.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import { type Digest, isDigest } from '../../storage/digest.ts';
import type { Action } from '../../storage/records.ts';
import type { AnyFunction, FunctionContext, PageFunction, PureOutcome } from '../define.ts';
import { mapPages } from './map-pages.ts';
import type { ParsedCall } from './parse-call.ts';
import type { ActionResolver, Resolved } from './resolve-action.ts';

export interface PageRunner {
  /** `refresh`: compute every page again. */
  run(fn: PageFunction, parsed: ParsedCall, ctx: FunctionContext, refresh: boolean): Promise<PureOutcome>;
}

/** @param concurrency Pages in work at once; default: cores. */
export function createPageRunner(
  functions: ReadonlyMap<string, AnyFunction>,
  resolver: ActionResolver,
  concurrency = availableParallelism(),
): PageRunner {
  const queue = new PQueue({ concurrency });
  const flights = new Map<Digest, Promise<Resolved>>();

  /** Two calls over datasets that share a page compute it once; one that is cancelled does not take the other with it. */
  async function resolvePage(
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

  /** Columns that page functions compute from this one, and from those in turn. */
  function dependents(column: ColumnName): readonly ColumnName[] {
    const found = new Set<ColumnName>([column]);
    for (const reached of found) {
      for (const fn of functions.values()) {
        if (fn.kind === 'page' && fn.needs.includes(reached)) for (const added of fn.adds) found.add(added);
      }
    }
    found.delete(column);
    return COLUMN_NAMES.filter(name => found.has(name));
  }

  return {
    async run(fn, parsed, ctx, refresh) {
      const { dataset, ...input } = parsed.input;
      if (typeof dataset !== 'string' || !isDigest(dataset)) throw new Internal(`${fn.name} has no dataset`);
      return mapPages({
        fn,
        dataset,
        input,
        params: parsed.params,
        // Pages run side by side, so that the progress of one would say nothing.
        ctx: { ...ctx, progress: () => {} },
        progress: ctx.progress,
        queue,
        dependents,
        resolve: (action, compute) => resolvePage(action, refresh, compute, ctx.signal),
      });
    },
  };
}
