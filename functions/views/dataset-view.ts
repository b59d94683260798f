/**
 * @file `datasets/<name>/`: a report, and the pages of the dataset as copies of their blobs. index.json is written last
 * and is true at any time: it names only files with the content that it states. Before a file changes, index.json drops
 * its name.
 */

import { posix } from 'node:path';
import { z } from 'zod';
import type { ProgressEvent } from '../../configs/progress.ts';
import { COLUMN_NAMES } from '../../configs/signals.ts';
import { Conflict, Internal } from '../../errors.ts';
import { readDataset, readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { type DatasetHead, digestSchema, type Page, shardsSchema } from '../../storage/records.ts';
import type { BlobStore, Etag, ObjectStore } from '../../storage/types.ts';
import type { ViewLayout } from '../../storage/view-layout.ts';
import { readDatasetHead } from '../datasets/dataset-head.ts';
import type { CallAnswer, ServerAddress } from '../define.ts';
import { describeDataset, describeForPeople } from './describe-dataset.ts';
import { drawPoseSheets, POSE_SHEET } from './pose-sheets.ts';
import {
  copyBlob,
  deleteFiles,
  deleteView,
  eachFile,
  encodeJson,
  isLostWrite,
  listFiles,
  putFile,
  type ViewFolder,
  type WritableView,
} from './view-files.ts';

export const DATASET_VIEW: ViewLayout = {
  files: ['index.json', 'README.md', 'report.html'],
  folders: ['pages', 'shards'],
};

/** Raised if the same dataset gives other files, such as another report. Old views are then written again. */
const VIEW_VERSION = 7;
/** Rounds of writing while others move the name or write the index. After these, the call gives up. */
const MAX_ROUNDS = 8;

export interface DatasetViewContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly signal?: AbortSignal;
  /** For the views of experiments. */
  readonly address?: (() => ServerAddress | undefined) | undefined;
  call(name: string, body: Json): Promise<CallAnswer>;
  progress?(event: ProgressEvent): void;
}

const indexSchema = z.looseObject({
  v: z.literal(1),
  view: z.int(),
  /** `changing`: some files are being written. The named files are whole. */
  state: z.enum(['complete', 'changing']),
  dataset: digestSchema,
  pages: z.array(z.strictObject({ folder: z.string(), files: z.record(z.string(), digestSchema) })),
  /** What `shard` made of this dataset. */
  shards: z.array(z.strictObject({ folder: z.string(), files: z.record(z.string(), digestSchema) })).optional(),
  /** The digest of its list. */
  manifest: digestSchema.optional(),
});
type Index = z.output<typeof indexSchema>;

/**
 * Brings the view up to the dataset that the name means; deletes it if the name is gone. Costs two reads if it is up to
 * date.
 * @param fresh Writes every file, even those that the index names.
 * @throws BlobMissing, Conflict
 */
export async function writeDatasetView(ctx: DatasetViewContext, name: string, fresh = false): Promise<void> {
  let distrust = fresh;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = shownOf((await readDatasetHead(ctx.store, name))?.value);
    const outcome = await bringTo(ctx, name, before, distrust);
    if (outcome === 'there') return;
    const after = shownOf((await readDatasetHead(ctx.store, name))?.value);
    const isSame = after?.dataset === before?.dataset && after?.manifest === before?.manifest;
    if (outcome === 'written' && isSame) return;
    // Another writer of the same dataset wrote the same files. A writer of another dataset did not.
    distrust = !isSame || (distrust && outcome === 'lost');
  }
  throw new Conflict(`other calls keep writing the view of the dataset "${name}"`, {
    hint: 'try again',
  });
}

/** What the view of a head shows. */
interface Shown {
  readonly dataset: Digest;
  /** The list of the shards of this dataset. */
  readonly manifest?: Digest;
}

function shownOf(head: DatasetHead | undefined): Shown | undefined {
  const { dataset, shards } = head ?? {};
  return dataset && { dataset, ...(shards?.of === dataset && { manifest: shards.manifest }) };
}

/** `lost`: another call wrote the index meanwhile. */
async function bringTo(
  ctx: DatasetViewContext,
  name: string,
  shown: Shown | undefined,
  distrust: boolean,
): Promise<'there' | 'written' | 'lost'> {
  const folder: WritableView = { store: ctx.store, prefix: `datasets/${name}/`, layout: DATASET_VIEW };
  if (shown === undefined) {
    await deleteView(folder);
    return 'written';
  }
  const { dataset: digest, manifest } = shown;
  const old = await readIndex(folder);
  const isOfVersion = old.index?.view === VIEW_VERSION && old.index.manifest === manifest;
  if (!distrust && isOfVersion && old.index?.state === 'complete' && old.index.dataset === digest) return 'there';

  const dataset = await readDataset(ctx.blobs, digest);
  const sheets = await drawPoseSheets(ctx, dataset.pages);
  const pages = dataset.pages.map((page, number) => describePage(page, number, sheets[number]));
  const shards = await describeShards(ctx.blobs, manifest);
  const listed = await listFiles(folder);
  const intact = distrust ? [] : keepIntact(old.index?.pages ?? [], pages, listed);
  const intactShards = distrust ? [] : keepIntact(old.index?.shards ?? [], shards, listed);
  const index = { ...describeDataset(name, digest, dataset), view: VIEW_VERSION };
  const described = { ...index, hasShards: shards.length > 0 };
  const countIndex = ({ pages: own, shards: tars = [] }: Pick<Index, 'pages' | 'shards'>) =>
    countFiles(own) + countFiles(tars);
  let { etag } = old;
  if (old.index && countIndex({ pages: intact, shards: intactShards }) < countIndex(old.index)) {
    etag = await replaceIndex(folder, etag, {
      ...index,
      state: 'changing',
      pages: intact,
      ...(intactShards.length > 0 && { shards: intactShards }),
    });
    if (etag === undefined) return 'lost';
  }
  await copyPages(ctx, folder, [...pages, ...shards], [...intact, ...intactShards]);
  const summary = await writeSummary(ctx, folder, described);
  const wanted = new Set([...[...pages, ...shards].flatMap(listPage), ...summary, 'index.json']);
  await deleteFiles(
    folder,
    [...listed].filter(file => !wanted.has(file)),
  );
  const written = await replaceIndex(folder, etag, {
    ...index,
    state: 'complete',
    pages,
    ...(manifest && { shards, manifest }),
  });
  return written === undefined ? 'lost' : 'written';
}

type IndexPage = Index['pages'][number];

function describePage(page: Page, number: number, sheet: Digest | undefined): IndexPage {
  const columns = COLUMN_NAMES.flatMap(column => {
    const digest = page.columns[column];
    return digest === undefined ? [] : [[`${column}.tar`, digest] as const];
  });
  const poses = sheet === undefined ? [] : [[POSE_SHEET, sheet] as const];
  const folder = `pages/${String(number).padStart(4, '0')}/`;
  return { folder, files: Object.fromEntries([['items.jsonl', page.items], ...columns, ...poses]) };
}

/** The tars of each folder. */
async function describeShards(blobs: BlobStore, manifest: Digest | undefined): Promise<IndexPage[]> {
  if (manifest === undefined) return [];
  const { files } = await readDocument(blobs, manifest, shardsSchema, 'a list of shards');
  const folders = Map.groupBy(files, ({ file }) => `shards/${posix.dirname(file)}/`);
  return [...folders].map(([folder, tars]) => ({
    folder,
    files: Object.fromEntries(tars.map(({ file, digest }) => [posix.basename(file), digest])),
  }));
}

function listPage({ folder, files }: IndexPage): string[] {
  return Object.keys(files).map(file => folder + file);
}

function countFiles(pages: readonly IndexPage[]): number {
  return pages.reduce((sum, { files }) => sum + Object.keys(files).length, 0);
}

/** Existing files that stay unchanged. */
function keepIntact(old: readonly IndexPage[], wanted: readonly IndexPage[], listed: ReadonlySet<string>): IndexPage[] {
  const byFolder = new Map(wanted.map(page => [page.folder, page.files]));
  return old.map(({ folder, files }) => {
    const now = byFolder.get(folder) ?? {};
    const kept = Object.entries(files).filter(([file, digest]) => now[file] === digest && listed.has(folder + file));
    return { folder, files: Object.fromEntries(kept) };
  });
}

async function copyPages(
  { signal, progress }: DatasetViewContext,
  folder: WritableView,
  pages: readonly IndexPage[],
  intact: readonly IndexPage[],
): Promise<void> {
  const there = new Set(intact.flatMap(listPage));
  let done = 0;
  const copyPage = async ({ folder: page, files }: IndexPage) => {
    for (const [file, digest] of Object.entries(files)) {
      if (!there.has(page + file)) await copyBlob(folder, page + file, digest);
    }
    progress?.({ phase: 'view', done: ++done, total: pages.length, unit: 'pages' });
  };
  await eachFile(pages, copyPage, signal);
}

/** Writes report and README. @returns Their names. */
async function writeSummary(
  ctx: DatasetViewContext,
  folder: WritableView,
  described: Parameters<typeof describeForPeople>[0],
): Promise<string[]> {
  const { result } = await ctx.call('report', { dataset: described.dataset, title: described.name });
  if (result.outputs.html === undefined) throw new Internal('report made no page');
  await copyBlob(folder, 'report.html', result.outputs.html.digest);
  await putFile(folder, 'README.md', Buffer.from(describeForPeople(described)), 'text/markdown');
  return ['report.html', 'README.md'];
}

/** The index and its version. An unreadable index counts as absent, and is replaced by its version. */
async function readIndex({ store, prefix }: ViewFolder): Promise<{ readonly etag?: Etag; readonly index?: Index }> {
  const stored = await store.get(`${prefix}index.json`);
  if (stored === undefined) return {};
  try {
    const index = indexSchema.parse(JSON.parse(Buffer.from(stored.body).toString('utf8')));
    return { etag: stored.etag, index };
  } catch {
    return { etag: stored.etag };
  }
}

/** Writes the index. Undefined if the stored index is no longer the version that was read. */
async function replaceIndex(folder: ViewFolder, etag: Etag | undefined, index: Json): Promise<Etag | undefined> {
  const condition = etag === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: etag };
  const options = { ...condition, mediaType: 'application/json' };
  try {
    return (await folder.store.put(`${folder.prefix}index.json`, encodeJson(index), options)).etag;
  } catch (error) {
    if (isLostWrite(error)) return undefined;
    throw error;
  }
}
