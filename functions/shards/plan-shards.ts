/** @file Cuts a dataset into shards, each of one split and one size. */
import { type ColumnName, isSignal, memberName } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { readNpyHeader } from '../../formats/npy.ts';
import { BLOCK_BYTES, roundUp } from '../../formats/tar.ts';
import { readItems } from '../../storage/blobs/items.ts';
import { type ColumnReader, openColumn } from '../../storage/blobs/read-column.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import { mapAhead } from '../../storage/map-ahead.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { Dataset, Item, Page, Split } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { ShardOptions } from './shard-options.ts';
import { folderOf, type PlannedSample, type ShardPlan } from './shard-plan.ts';
import { SHARD_COLUMNS } from './shard-sample.ts';

/** Enough for the header of an npy file with few axes. */
const HEADER_BYTES = 128;
/** Pages, and headers of pictures, that are read at once. */
const PAGES_AT_ONCE = 4;
const WIDTH = 16;
/** A member begins with its header, and an npy with one of at most two alignments. */
const MEMBER_BYTES = BLOCK_BYTES + 2 * HEADER_BYTES;
/** Keys and numbers in the JSON of a sample, without its texts. */
const JSON_BYTES = 1024;
/** JSON writes a control character in six. */
const MOST_ESCAPED = 6;

export interface ShardLimits {
  /** Of one tar. */
  readonly maxBytes: number;
  readonly maxSamples: number;
  readonly splits: readonly Split[];
}

type Columns = ReadonlyMap<ColumnName, ColumnReader>;

interface OpenShard {
  readonly split: Split;
  readonly bucket: ShardPlan['bucket'];
  readonly pages: ShardPlan['pages'];
  readonly samples: PlannedSample[];
  bytes: number;
}

/**
 * The plans of all shards, in the order of their folders and numbers. Samples keep the order of the dataset.
 * @param onPage Called after each page.
 * @throws Unprocessable if the dataset was not prepared.
 */
export async function planShards(
  blobs: BlobStore,
  dataset: Dataset,
  options: ShardOptions,
  limits: ShardLimits,
  onPage: (done: number) => void,
): Promise<ShardPlan[]> {
  const { pages, removed } = dataset;
  const gone = new Set(removed);
  const open = new Map<string, OpenShard>();
  const full: OpenShard[] = [];
  const numbered = pages.map((page, number) => ({ page, number }));
  const read = async (each: (typeof numbered)[number]) => ({ ...each, ...(await readPage(blobs, each.page)) });
  for await (const { page, number, items, opened, sizes } of mapAhead(numbered, PAGES_AT_ONCE, read)) {
    const columns = pickColumns(page);
    for (const [place, item] of items.entries()) {
      const split = requireSplit(item);
      const bucket = sizes[place];
      if (gone.has(item.id) || !limits.splits.includes(split) || bucket === undefined) continue;
      const key = folderOf({ split, bucket });
      const bytes = boundSample(item, opened, bucket, dataset, options);
      let shard = open.get(key);
      if (shard && (shard.samples.length >= limits.maxSamples || shard.bytes + bytes > limits.maxBytes)) {
        full.push(shard);
        shard = undefined;
      }
      shard ??= { split, bucket, pages: [], samples: [], bytes: 2 * BLOCK_BYTES };
      if (shard.bytes + bytes > limits.maxBytes) throw tooLarge(item, bytes, limits);
      open.set(key, shard);
      if (shard.pages.at(-1)?.page !== number) shard.pages.push({ page: number, columns });
      const { id, name, cluster, width, height, attributes } = item;
      const known = { cluster, width, height, attributes };
      shard.samples.push({
        id,
        name,
        ...Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined)),
        page: shard.pages.length - 1,
        place,
      });
      shard.bytes += bytes;
    }
    onPage(number + 1);
  }
  const all = [...full, ...open.values()].map(shard => describePlan(dataset, shard));
  // A stable sort: the shards of a folder stay in order.
  return all.sort((a, b) => (folderOf(a) < folderOf(b) ? -1 : folderOf(a) > folderOf(b) ? 1 : 0));
}

function describePlan({ encoders }: Dataset, { split, bucket, pages, samples }: OpenShard): ShardPlan {
  const links = [...new Set(pages.flatMap(({ columns }) => Object.values(columns)))];
  return { v: 1, kind: 'shard-plan', split, bucket, encoders: { ...encoders }, pages, samples, links };
}

/** The columns that a shard has, and the captions. */
function pickColumns({ columns }: Page): Page['columns'] {
  const names = [...SHARD_COLUMNS, 'caption' as const];
  return Object.fromEntries(
    names.flatMap(name => (columns[name] === undefined ? [] : [[name, columns[name]] as const])),
  );
}

async function readPage(blobs: BlobStore, page: Page) {
  const items = await readItems(blobs, page);
  const { image } = page.columns;
  if (image === undefined) {
    throw new Unprocessable('the dataset has no column "image", which every sample of a shard has', {
      expected: 'a dataset that went through the stages of `prepare`',
    });
  }
  const named = Object.entries(pickColumns(page)) as [ColumnName, NonNullable<Page['columns'][ColumnName]>][];
  const read = await mapBounded(named, { width: WIDTH }, async ([name, digest]) => {
    return [name, await openColumn(blobs, digest)] as const;
  });
  const opened: Columns = new Map(read);
  const sizes = await mapBounded(items, { width: WIDTH }, async ({ id, name }) => {
    const start = await opened.get('image')?.readStart(memberName('image', id));
    if (start === undefined) throw new Unprocessable(`"${name}" (${id}) has no pixels`, { hint: 'run bucket again' });
    const [, height = 0, width = 0] = readNpyHeader(start).shape;
    return { width, height };
  });
  return { items, opened, sizes };
}

function requireSplit({ id, name, split }: Item): Split {
  if (split !== undefined) return split;
  throw new Unprocessable(`"${name}" (${id}) has no split yet`, {
    hint: 'run ingest first, or prepare, which runs all',
  });
}

/** At least as many bytes as the sample takes in its tar. */
function boundSample(
  { id, name, attributes }: Item,
  opened: Columns,
  { width, height }: ShardPlan['bucket'],
  { encoders }: Dataset,
  { pixels, text }: ShardOptions,
): number {
  const sizeOf = (column: ColumnName, member = id) => opened.get(column)?.spans.get(memberName(column, member))?.size;
  const texts = Buffer.byteLength(canonicalJson({ name, attributes: attributes ?? null, encoders: { ...encoders } }));
  let bytes = memberBytes(JSON_BYTES + texts + MOST_ESCAPED * (sizeOf('caption') ?? 0));
  for (const column of SHARD_COLUMNS) {
    const size = sizeOf(column);
    if (size === undefined) continue;
    if (column === 'image') bytes += memberBytes(3 * width * height * (pixels === 'float16' ? 2 : 1));
    else if (column === 'text') {
      const { dim, tokens } = { dim: Number(encoders.text?.dim), tokens: Number(encoders.text?.tokens) };
      bytes += memberBytes(text === 'padded' ? 2 * tokens * dim : size) + memberBytes(tokens || size);
      for (let i = 1, more = sizeOf('text', `${id}.1`); more !== undefined; more = sizeOf('text', `${id}.${++i}`)) {
        bytes += memberBytes(more);
      }
    } else if (isSignal(column) || column === 'mask') bytes += memberBytes(size);
  }
  return bytes;
}

function memberBytes(size: number): number {
  return MEMBER_BYTES + roundUp(size);
}

function tooLarge({ name }: Item, bytes: number, { maxBytes }: ShardLimits): Unprocessable {
  return new Unprocessable(`"${name}" takes ${bytes} bytes, and a shard has at most ${maxBytes}`, {
    expected: 'max_bytes that hold at least one picture',
    hint: 'raise max_bytes',
  });
}
