/**
 * @file The chunks of a run, however many. The head has the newest; packing moves the older ones into immutable pages
 * of PAGE chunks, and every FAN_OUT pages of a level into one page of the next level. So a head keeps less than
 * 2 * PAGE chunks and less than FAN_OUT pages of each level: its size grows with the logarithm of the run.
 */
import { BlobMissing } from '../../errors.ts';
import { putDocument, readDocument } from '../../storage/blobs/document-blobs.ts';
import { type Chunk, chunkIndexSchema, chunkPageSchema, type PageRef } from '../../storage/chunk-record.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { mapAhead } from '../../storage/map-ahead.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import type { BlobStore } from '../../storage/types.ts';
import { addChunks } from './chunks-summary.ts';

/** Chunks in a page. Divergence is judged by the last 10 steps, which the head must have. */
export const PAGE = 32;
/** Pages in a page of pages. */
export const FAN_OUT = 32;
/** Pages read or written at once. */
const WIDTH = 8;

type Chunks = Pick<ExperimentHead, 'chunks' | 'earlier'>;

export interface ReadOptions {
  /** A step: later chunks only. */
  readonly after?: number;
  /** Passes over pages that the store has lost. Default: throws BlobMissing. */
  readonly skipLost?: boolean;
}

/** Chunks of a run, oldest first. Reads each page when its turn comes. @throws BlobMissing */
export async function* eachChunk(
  blobs: BlobStore,
  { chunks, earlier }: Chunks,
  options: ReadOptions = {},
): AsyncGenerator<Chunk> {
  const isLater = isAfter(options.after);
  const read = (ref: PageRef) => ifThere(readPage(blobs, ref), options);
  const leaves = listLeaves(blobs, earlier?.pages ?? [], options);
  for await (const page of mapAhead(leaves, WIDTH, read)) yield* page.filter(isLater);
  yield* chunks.filter(isLater);
}

/** {@link eachChunk}, as a list. @throws BlobMissing */
export async function readChunks(blobs: BlobStore, run: Chunks, options: ReadOptions = {}): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  for await (const chunk of eachChunk(blobs, run, options)) chunks.push(chunk);
  return chunks;
}

/** The chunk that ends at the step; undefined if none does. Reads a page of each level at most. @throws BlobMissing */
export async function findChunk(blobs: BlobStore, run: Chunks, step: number): Promise<Chunk | undefined> {
  const hasStep = ({ from, to }: { readonly from: number; readonly to: number }) => from < step && step <= to;
  const endsAt = ({ to }: Chunk) => to === step;
  let ref = run.earlier?.pages.find(hasStep);
  if (ref === undefined) return run.chunks.find(endsAt);
  while (ref !== undefined && ref.level > 0) ref = (await readIndex(blobs, ref)).find(hasStep);
  return ref && (await readPage(blobs, ref)).find(endsAt);
}

/**
 * Moves older chunks of a head into pages. The same chunks give the same head, whether they were added one by one or
 * all at once. The pages are stored before this returns: a head that names them can be written.
 */
export async function packChunks(blobs: BlobStore, head: ExperimentHead): Promise<ExperimentHead> {
  const { chunks, earlier, former_datasets } = head;
  const full = Math.max(0, Math.floor(chunks.length / PAGE) - 1);
  if (full === 0) return head;
  const leaves = Array.from({ length: full }, (_, i) => chunks.slice(i * PAGE, (i + 1) * PAGE));
  let pages = earlier?.pages ?? [];
  for (const leaf of await mapBounded(leaves, { width: WIDTH }, each => putPage(blobs, each))) {
    pages = await mergeFull(blobs, [...pages, leaf]);
  }
  const summary = addChunks(earlier?.summary, leaves.flat(), former_datasets);
  return { ...head, ...(summary && { earlier: { pages, summary } }), chunks: chunks.slice(full * PAGE) };
}

/** Replaces all chunks of a head, and packs them. */
export function withChunks(
  blobs: BlobStore,
  { earlier: _, ...head }: ExperimentHead,
  chunks: readonly Chunk[],
): Promise<ExperimentHead> {
  return packChunks(blobs, { ...head, chunks: [...chunks] });
}

const isAfter =
  (step = 0) =>
  ({ to }: { readonly to: number }) =>
    to > step;

/** Pages of chunks, oldest first. */
async function* listLeaves(blobs: BlobStore, pages: readonly PageRef[], options: ReadOptions): AsyncGenerator<PageRef> {
  for (const ref of pages.filter(isAfter(options.after))) {
    if (ref.level === 0) yield ref;
    else yield* listLeaves(blobs, await ifThere(readIndex(blobs, ref), options), options);
  }
}

async function ifThere<T>(reading: Promise<readonly T[]>, { skipLost = false }: ReadOptions): Promise<readonly T[]> {
  try {
    return await reading;
  } catch (error) {
    if (skipLost && error instanceof BlobMissing) return [];
    throw error;
  }
}

async function readIndex(blobs: BlobStore, { page }: PageRef): Promise<readonly PageRef[]> {
  return (await readDocument(blobs, page, chunkIndexSchema, 'a page of pages of chunks')).pages;
}

async function readPage(blobs: BlobStore, { page }: PageRef): Promise<readonly Chunk[]> {
  return (await readDocument(blobs, page, chunkPageSchema, 'a page of chunks')).chunks;
}

async function putPage(blobs: BlobStore, chunks: readonly Chunk[]): Promise<PageRef> {
  const links = chunks.flatMap(({ log, record, artifacts }) => [
    log,
    ...(record ? [record] : []),
    ...Object.values(artifacts),
  ]);
  const page = { v: 1, kind: 'chunks', chunks: [...chunks], links: [...new Set(links)] };
  return refTo(chunks, 0, (await putDocument(blobs, page)).digest);
}

/** Replaces the last FAN_OUT pages by one as long as they are of one level. */
async function mergeFull(blobs: BlobStore, pages: PageRef[]): Promise<PageRef[]> {
  const last = pages.slice(-FAN_OUT);
  const level = last.at(-1)?.level ?? 0;
  if (last.length < FAN_OUT || last.some(ref => ref.level !== level)) return pages;
  const index = { v: 1, kind: 'chunk-pages', pages: [...last], links: last.map(ref => ref.page) };
  const merged = refTo(last, level + 1, (await putDocument(blobs, index)).digest);
  return mergeFull(blobs, [...pages.slice(0, -FAN_OUT), merged]);
}

function refTo(
  parts: readonly { readonly from: number; readonly to: number }[],
  level: number,
  page: PageRef['page'],
): PageRef {
  return { from: parts[0]?.from ?? 0, to: parts.at(-1)?.to ?? 0, level, page };
}
