/**
 * @file Reads a split of a dataset from the columns of its pages. Columns that fit into the budget are read whole,
 * hashed and kept. From other columns, each batch reads the byte ranges of its members and compares them with checksums
 * (storage/blobs/column-sums.ts). An epoch visits every picture once in random order, so any choice of kept pages is
 * equally good.
 */
import { findSideWord } from '../../configs/side-words.ts';
import { type ColumnName, isPadded, memberName, type SignalName, variantsOf } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy, readNpyHeader } from '../../formats/npy.ts';
import { decodeSignalMember } from '../../storage/blobs/column-member.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { readItems } from '../../storage/blobs/items.ts';
import {
  type ColumnHead,
  type ColumnReader,
  openBytes,
  openColumn,
  readColumnHead,
} from '../../storage/blobs/read-column.ts';
import type { Digest } from '../../storage/digest.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item, Page } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { PictureSize } from '../model/batch.ts';
import type { SourceIndex, SourceSet, StoredSignal, TrainingItem, TrainingSource } from '../training/source.ts';
import { ColumnBudget } from './column-budget.ts';

/** Largest number of concurrent reads. */
const WIDTH = 16;

export interface ColumnSourceOptions {
  readonly dataset: Digest;
  /** Signals of the model and of its losses: each is read from the column of its name. */
  readonly signals: readonly SignalName[];
  /** Reads `text` of all captions of a picture: `texts` of {@link TrainingItem}. */
  readonly readsVariants?: boolean;
  /** Reads the masks of pictures: `mask` of {@link TrainingItem}. */
  readonly readsMasks?: boolean;
  /** Marks pictures that must not be mirrored: `isSided` of {@link TrainingItem}. */
  readonly marksSided?: boolean;
  /** Bytes of columns that may be kept. */
  readonly budgetBytes: number;
  /** Pictures of which split; default: train. */
  readonly split?: Item['split'];
  /** Only the first pages are read, up to so many pictures. */
  readonly most?: number;
}

type PageColumns = ReadonlyMap<ColumnName, ColumnReader>;

interface Located {
  readonly id: string;
  readonly size: PictureSize;
  readonly columns: PageColumns;
  readonly isSided?: true;
}

/**
 * Reads the index of every page and keeps columns within the budget.
 * @param onPage Called after each page.
 * @throws Unprocessable if a column that the model needs is missing or has another format.
 * @throws BlobMissing; Corrupt if a column is damaged. `load` throws them, too.
 */
export async function openColumnSource(
  blobs: BlobStore,
  options: ColumnSourceOptions,
  onPage: (done: number, total: number) => void,
): Promise<TrainingSource> {
  const { dataset: digest, signals, budgetBytes, split: wanted = 'train', most } = options;
  const { marksSided = false, readsVariants = false, readsMasks = false } = options;
  const { pages, removed: gone, encoders, sets } = await readDataset(blobs, digest);
  const removed = new Set(gone);
  const items: Located[] = [];
  const longest: Partial<Record<SignalName, number>> = {};
  /** Number of items up to the end of each page. */
  const ends: number[] = [];
  const budget = new ColumnBudget(budgetBytes, pages.length);
  for (const [number, page] of pages.entries()) {
    const left = most === undefined ? undefined : most - items.length;
    if (left === 0) break;
    const all = (await readItems(blobs, page)).filter(({ id, split }) => split === wanted && !removed.has(id));
    const chosen = all.slice(0, left);
    if (chosen.length > 0) {
      const readsCaptions = marksSided && signals.includes('text') && page.columns.caption !== undefined;
      const names = [
        'image',
        ...(readsCaptions ? ['caption' as const] : []),
        ...(readsMasks && page.columns.mask !== undefined ? ['mask' as const] : []),
        ...signals,
      ] as const;
      const columns = await openColumns(blobs, { page, number }, names, budget);
      const located = await mapBounded(chosen, { width: WIDTH }, async item => {
        const place = await locate(columns, item.id);
        const isSided = marksSided && (await hasSides(columns, item, signals.includes('text')));
        return { ...place, ...(isSided && { isSided }) };
      });
      items.push(...located);
      const ids = chosen.map(({ id }) => id);
      for (const name of signals.filter(isPadded)) {
        const spans = columns.get(name)?.spans;
        const members = readsVariants && spans ? ids.flatMap(id => [id, ...variantsOf(spans, name, id)]) : ids;
        const rows = await mapBounded(members, { width: WIDTH }, id => readRows(columns, name, id));
        longest[name] = Math.max(longest[name] ?? 0, ...rows);
      }
    }
    ends.push(items.length);
    onPage(number + 1, pages.length);
  }
  const index: SourceIndex = {
    ids: items.map(({ id }) => id),
    sizes: items.map(({ size }) => size),
    longest,
    ...(sets && { sets: placeSets(sets, ends) }),
    encoders: Object.fromEntries(Object.entries(encoders).map(([signal, { name }]) => [signal, name])),
  };
  return {
    index,
    load: positions =>
      mapBounded(positions, { width: WIDTH }, position => {
        const item = items[position];
        if (item === undefined) throw new RangeError(`there is no item ${position} of ${items.length}`);
        return loadItem(item, signals, readsVariants);
      }),
    close: async () => {},
  };
}

function placeSets(sets: NonNullable<Dataset['sets']>, ends: readonly number[]): SourceSet[] {
  let pages = 0;
  return sets.map(({ name, times, pages: own }) => {
    pages += own;
    return { name, times, end: ends[pages - 1] ?? ends.at(-1) ?? 0 };
  });
}

/** Opens the columns of a page. Those that the budget chooses are kept in memory. */
async function openColumns(
  blobs: BlobStore,
  { page, number }: { readonly page: Page; readonly number: number },
  names: readonly ColumnName[],
  budget: ColumnBudget,
): Promise<PageColumns> {
  const heads = await mapBounded(names, { width: WIDTH }, async name => {
    const digest = page.columns[name];
    if (digest === undefined) {
      throw new Unprocessable(`the dataset has no column "${name}", which the model or a loss reads`, {
        expected: 'a dataset that went through the stages of `prepare`',
      });
    }
    const which = `the column "${name}" of page ${number}`;
    return { name, digest, which, head: await named(which, readColumnHead(blobs, digest)) };
  });
  const kept = new Set(budget.choose(new Map(heads.map(({ name, head }) => [name, sizeOfColumn(head)]))));
  const columns = await mapBounded(heads, { width: WIDTH }, async ({ name, digest, which, head }) => {
    const column = kept.has(name) ? blobs.get(digest).then(openBytes) : openColumn(blobs, digest, head);
    return [name, await named(which, column)] as const;
  });
  return new Map(columns);
}

/** @throws Unprocessable that names the column when it is no column. */
async function named<T>(which: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!(cause instanceof Unprocessable)) throw cause;
    throw new Unprocessable(`${which} of the dataset is damaged: ${cause.message.replace(/^column: /, '')}`, {
      expected: 'a column as `prepare` makes it',
      hint: 'prepare the dataset again, and train on it',
      cause,
    });
  }
}

/** Bytes up to the end of the last member. */
function sizeOfColumn({ spans }: ColumnHead): number {
  let end = 0;
  for (const { offset, size } of spans.values()) end = Math.max(end, offset + size);
  return end;
}

async function locate(columns: PageColumns, id: string): Promise<Located> {
  const header = await columns.get('image')?.readStart(memberName('image', id));
  if (header === undefined) throw new Unprocessable(`the image column has no member ${memberName('image', id)}`);
  const { dtype, shape } = readNpyHeader(header);
  const [channels, height, width] = shape;
  if (dtype !== 'u8' || channels !== 3 || height === undefined || width === undefined || shape.length !== 3) {
    throw new Unprocessable(`the image of ${id} is ${dtype}[${shape.join(', ')}]`, {
      expected: 'u8[3, height, width], the column that `bucket` makes',
    });
  }
  return { id, size: { height, width }, columns };
}

async function readRows(columns: PageColumns, name: SignalName, id: string): Promise<number> {
  const header = await columns.get(name)?.readStart(memberName(name, id));
  return header === undefined ? 0 : (readNpyHeader(header).shape[0] ?? 0);
}

/**
 * True for a picture that says so itself, and with texts for one whose captions have a word for a side, or are not
 * known.
 */
async function hasSides(
  columns: PageColumns,
  { id, attributes: { flip, caption: given } = {} }: Item,
  hasText: boolean,
): Promise<boolean> {
  if (flip === false) return true;
  if (!hasText) return false;
  const spans = columns.get('caption')?.spans;
  const members = spans ? [id, ...variantsOf(spans, 'caption', id)] : [];
  const read = await Promise.all(members.map(member => readMember(columns, 'caption', member)));
  const texts = read.flatMap(bytes => (bytes ? [Buffer.from(bytes).toString('utf8')] : []));
  const captions = spans ? texts : typeof given === 'string' ? [given] : [];
  return captions.length === 0 || captions.some(caption => findSideWord(caption) !== undefined);
}

async function loadItem(
  { id, size, columns, isSided }: Located,
  signals: readonly SignalName[],
  readsVariants: boolean,
): Promise<TrainingItem> {
  const read = async (name: ColumnName, member = id) => {
    const bytes = await readMember(columns, name, member);
    return bytes && decodeNpy(bytes);
  };
  const image = await read('image');
  if (image?.dtype !== 'u8') throw new Unprocessable(`the image of ${id} is gone`);
  const mask = await read('mask');
  if (mask && (mask.dtype !== 'u8' || mask.shape.join() !== [size.height, size.width].join())) {
    throw new Unprocessable(`the mask of ${id} is ${mask.dtype}[${mask.shape.join(', ')}]`, {
      expected: `u8[${size.height}, ${size.width}], the column that the function mask makes`,
    });
  }
  const found = await Promise.all(
    signals.map(async name => {
      const bytes = await readMember(columns, name, id);
      return bytes ? [[name, toSignal(bytes, name, id)] as const] : [];
    }),
  );
  const spans = readsVariants && signals.includes('text') ? columns.get('text')?.spans : undefined;
  const variants = await Promise.all(
    (spans ? variantsOf(spans, 'text', id) : []).map(each => readMember(columns, 'text', each)),
  );
  const texts = variants.flatMap(bytes => (bytes ? [toSignal(bytes, 'text', id)] : []));
  return {
    id,
    ...size,
    pixels: image.data,
    ...(mask?.dtype === 'u8' && { mask: mask.data }),
    signals: Object.fromEntries(found.flat()),
    ...(texts.length > 0 && { texts }),
    ...(isSided && { isSided }),
  };
}

function toSignal(bytes: Uint8Array, name: SignalName, id: string): StoredSignal {
  const { shape, data } = decodeSignalMember(bytes, `${name} of ${id}`);
  return { rows: shape[0] ?? 0, data };
}

/** The member of a picture, in a buffer of its own; undefined if the column has no such member. */
async function readMember(columns: PageColumns, name: ColumnName, id: string): Promise<Uint8Array | undefined> {
  return columns.get(name)?.read(memberName(name, id));
}
