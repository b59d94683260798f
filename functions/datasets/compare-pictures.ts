/** @file Compares two datasets picture by picture. Pages and columns that both have are not compared. */
import { memberName, variantId } from '../../configs/signals.ts';
import { readNpyHeader } from '../../formats/npy.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { type ColumnReader, openColumn } from '../../storage/blobs/read-column.ts';
import type { Digest } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import { CHANGES, type Change, type DatasetDiff } from './diff-record.ts';

/** Pages read at once, and pictures compared at once. */
const WIDTH = 16;
/** Most characters of a caption in a change. */
const MAX_TEXT = 1000;
/** The columns whose bytes are the pixels to train on. */
const PIXEL_COLUMNS = ['image', 'mask'] as const;

interface Place {
  readonly item: Item;
  readonly page: Page;
}

interface Pair {
  readonly before: Place;
  readonly now: Place;
}

export interface CompareContext {
  readonly blobs: BlobStore;
  readonly signal: AbortSignal;
}

/** @param pixels Whether pixels are compared. Pictures on pages with other columns are read then. */
export async function comparePictures(
  ctx: CompareContext,
  before: Dataset,
  now: Dataset,
  pixels: boolean,
): Promise<DatasetDiff> {
  const [was, is] = [await readPlaces(ctx, before), await readPlaces(ctx, now)];
  const both = [...is].flatMap(([id, place]): Pair[] => {
    const earlier = was.get(id);
    return earlier ? [{ before: earlier, now: place }] : [];
  });
  const added = [...is.values()].filter(({ item }) => !was.has(item.id));
  const removed = [...was.values()].filter(({ item }) => !is.has(item.id));
  const removedByName = new Map(removed.map(place => [place.item.name, place]));
  const replaced = new Set(added.flatMap(({ item }) => (removedByName.has(item.name) ? [item.name] : [])));
  const changes: Change[] = [
    ...added.filter(({ item }) => !replaced.has(item.name)).map(place => alone('added', place)),
    ...removed.filter(({ item }) => !replaced.has(item.name)).map(place => alone('removed', place)),
    ...added
      .filter(({ item }) => replaced.has(item.name))
      .map(place => ({
        ...alone('replaced', place),
        before: removedByName.get(place.item.name)?.item.id ?? '',
        now: place.item.id,
      })),
    ...both.flatMap(pair => changeOf('renamed', pair, pair.before.item.name, pair.now.item.name)),
    ...(await compareCaptions(ctx, both)),
    ...both.flatMap(pair => changeOf('split', pair, pair.before.item.split ?? 'none', pair.now.item.split ?? 'none')),
    ...(pixels ? await comparePixels(ctx, both) : []),
  ];
  const differing = new Set(changes.map(({ id }) => id));
  const counts = Object.fromEntries(
    CHANGES.map(kind => [kind, changes.filter(({ change }) => change === kind).length]),
  ) as DatasetDiff['counts'];
  const same = both.filter(({ now: { item } }) => !differing.has(item.id)).length;
  return { v: 1, kind: 'dataset-diff', counts, same, changes, links: [] };
}

async function readPlaces({ blobs, signal }: CompareContext, { pages, removed }: Dataset): Promise<Map<string, Place>> {
  const gone = new Set(removed);
  const places = await mapBounded(pages, { width: WIDTH, signal }, async page =>
    (await readItems(blobs, page)).flatMap(item => (gone.has(item.id) ? [] : [[item.id, { item, page }] as const])),
  );
  return new Map(places.flat());
}

function alone(change: Change['change'], { item: { id, name } }: Place): Change {
  return { change, id, name };
}

function changeOf(change: Change['change'], { now }: Pair, before: string, after: string): Change[] {
  const { id, name } = now.item;
  return before === after
    ? []
    : [{ change, id, name, before: before.slice(0, MAX_TEXT), now: after.slice(0, MAX_TEXT) }];
}

/** Opens each column once. */
function columnOpener(blobs: BlobStore) {
  const open = new Map<Digest, Promise<ColumnReader>>();
  return (digest: Digest) => {
    const column = open.get(digest) ?? openColumn(blobs, digest);
    open.set(digest, column);
    return column;
  };
}

/** Captions as training reads them; before they are made, those that import found. */
async function compareCaptions({ blobs, signal }: CompareContext, pairs: readonly Pair[]): Promise<Change[]> {
  const open = columnOpener(blobs);
  const textOf = async ({ item: { id, attributes }, page }: Place): Promise<string> => {
    const column = page.columns.caption;
    if (column === undefined) return typeof attributes?.caption === 'string' ? attributes.caption.trim() : '';
    const { read } = await open(column);
    const texts: string[] = [];
    // Further captions of a picture count, too.
    for (let member = memberName('caption', id), n = 1; ; member = memberName('caption', variantId(id, n++))) {
      const text = await read(member);
      if (text === undefined) return texts.join('\n');
      texts.push(Buffer.from(text).toString('utf8'));
    }
  };
  const differ = pairs.filter(
    ({ before, now }) =>
      before.page.columns.caption === undefined || before.page.columns.caption !== now.page.columns.caption,
  );
  const changes = await mapBounded(differ, { width: WIDTH, signal }, async pair =>
    changeOf('caption', pair, await textOf(pair.before), await textOf(pair.now)),
  );
  return changes.flat();
}

async function comparePixels({ blobs, signal }: CompareContext, pairs: readonly Pair[]): Promise<Change[]> {
  const open = columnOpener(blobs);
  const read = async ({ item: { id }, page }: Place, column: (typeof PIXEL_COLUMNS)[number]) => {
    const digest = page.columns[column];
    return digest && (await (await open(digest)).read(memberName(column, id)));
  };
  const compare = async (pair: Pair): Promise<Change[]> => {
    for (const column of PIXEL_COLUMNS) {
      if (pair.before.page.columns[column] === pair.now.page.columns[column]) continue;
      const [old, young] = [await read(pair.before, column), await read(pair.now, column)];
      if (Buffer.compare(old ?? new Uint8Array(), young ?? new Uint8Array()) === 0) continue;
      const [before, now] = [sizeOf(old), sizeOf(young)];
      const { id, name } = pair.now.item;
      return [{ change: 'pixels', id, name, before: `${column} ${before}`, now: `${column} ${now}` }];
    }
    return [];
  };
  return (await mapBounded(pairs, { width: WIDTH, signal }, compare)).flat();
}

/** '64 x 48' of [..., 48, 64]. */
function sizeOf(npy: Uint8Array | undefined): string {
  if (npy === undefined) return 'none';
  const [height = 0, width = 0] = readNpyHeader(npy).shape.slice(-2);
  return `${width} x ${height}`;
}
