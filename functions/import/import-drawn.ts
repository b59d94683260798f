/** @file A bundled set as the source of an import: pictures that Easel draws. */
import { Internal } from '../../errors.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import { type Dataset, type Item, PAGE_SIZE } from '../../storage/records.ts';
import { SAME_BYTES } from '../datasets/rejects-by-reason.ts';
import type { EffectContext } from '../define.ts';
import { type DrawnSet, isDrawnName, pictureName, type SetOptions } from './drawn-sets.ts';
import type { Erased } from './erase-missing.ts';
import type { Arrivals } from './extend-originals.ts';
import type { KnownPage } from './known-pages.ts';

/** Number of pages drawn at once: sharp has four threads. */
const CONCURRENT_PAGES = 4;

export interface WantedPictures extends SetOptions {
  readonly count: number;
}

/**
 * Draws the pictures of a set that no earlier import drew, found by name.
 * @param before Dataset of the earlier import.
 * @throws NotFound if the set needs files that are not installed.
 */
export async function importDrawn(
  ctx: EffectContext,
  set: DrawnSet,
  { count, ...options }: WantedPictures,
  earlier: readonly KnownPage[],
  before: Dataset | undefined,
): Promise<Arrivals> {
  const kept = eraseOthers(earlier);
  const known = kept.pages;
  const nameOf = (index: number) => pictureName(set.name, options, index);
  const wanted = new Map(Array.from({ length: count }, (_, index) => [nameOf(index), index]));
  const present = new Map<string, Item>();
  for (const item of known.flatMap(page => page.items)) if (wanted.has(item.name)) present.set(item.id, item);
  const rejects = (before?.rejects ?? []).filter(reject => wanted.has(reject.name));
  const done = new Set([...present.values(), ...rejects].map(each => each.name));
  const missing = [...wanted].filter(([name]) => !done.has(name)).map(([, index]) => index);
  const ranges = cutRanges(missing);
  if (ranges.length > 0) await set.check?.(ctx.store);

  let drawn = done.size;
  const report = () => ctx.progress({ phase: 'import', done: drawn, total: count, unit: 'pictures' });
  report();
  const drawnPages = await mapBounded(ranges, { width: CONCURRENT_PAGES, signal: ctx.signal }, async ({ from, to }) => {
    const { cache, result } = await ctx.call(set.renderedBy, { ...options, from, to, ...set.files });
    drawn += to - from;
    report();
    const { items } = result.outputs;
    if (!items) throw new Internal(`${set.renderedBy} made no items`);
    return { cache, items: await readItems(ctx.blobs, { items: items.digest }) };
  });
  const knownIds = new Set(known.flatMap(page => page.items).map(item => item.id));
  const computed = { pages: 0, items: 0 };
  const pages: Item[][] = [];
  for (const { cache, items } of drawnPages) {
    const page = items.filter(item => {
      const holder = present.get(item.id);
      const { id, name } = item;
      if (holder) rejects.push({ name, id, reason: `the same bytes as ${holder.name}`, group: SAME_BYTES });
      else present.set(item.id, item);
      const isNew = !knownIds.has(item.id);
      knownIds.add(item.id);
      return isNew;
    });
    if (page.length === 0) continue;
    pages.push(page);
    if (cache === 'hit') continue;
    computed.pages++;
    computed.items += page.length;
  }
  return { kept, pages, computed, present, rejects, hidden: 0 };
}

/** Pictures of a folder or tar go. Drawn ones stay, also those that are not wanted now: they may come back. */
function eraseOthers(known: readonly KnownPage[]): Erased {
  const isDrawn = ({ items }: KnownPage) => items.some(({ name }) => isDrawnName(name));
  const gone = known.filter(page => !isDrawn(page)).flatMap(({ items }) => items);
  return { pages: known.filter(isDrawn), packed: 0, ids: gone.map(({ id }) => id) };
}

/** Runs of consecutive indices, at most a page each. */
function cutRanges(indices: readonly number[]): { readonly from: number; readonly to: number }[] {
  const ranges: { from: number; to: number }[] = [];
  for (const index of indices) {
    const last = ranges.at(-1);
    if (last && last.to === index && last.to - last.from < PAGE_SIZE) last.to++;
    else ranges.push({ from: index, to: index + 1 });
  }
  return ranges;
}
