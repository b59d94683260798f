/** @file The roots of every walk: names, results, leases and running calls, with the blobs that each of them names. */
import type { z } from 'zod';
import { Corrupt } from '../../errors.ts';
import { approvalsSchema } from '../approval-record.ts';
import { canonicalDigest } from '../canonical.ts';
import type { Digest } from '../digest.ts';
import { type ExperimentHead, experimentHeadSchema } from '../experiment-record.ts';
import { actionKey } from '../keys.ts';
import { eachPage } from '../list-all.ts';
import { listKeptDigests, listModelBlobs } from '../list-kept.ts';
import { mapBounded } from '../map-bounded.ts';
import { modelHeadSchema } from '../model-record.ts';
import { leaseSchema } from '../names/lease.ts';
import { readVersioned } from '../names/versioned.ts';
import { type DatasetHead, datasetHeadSchema, type Result, resultSchema, runRecordSchema } from '../records.ts';
import { type ReportHead, reportHeadSchema } from '../report-record.ts';
import type { ObjectInfo, ObjectStore } from '../types.ts';

/** A named blob. `document`: a JSON document, which may have links of its own; `leaf`: not a document. */
export interface Link {
  readonly digest: Digest;
  readonly kind: 'document' | 'leaf' | 'unknown';
}

export interface Root {
  /** Key of the root in the store: `refs/datasets/portraits.json`. */
  readonly key: string;
  readonly lastModified: Date;
  readonly links: readonly Link[];
}

export interface RootOptions {
  readonly signal?: AbortSignal;
  /** Chooses the roots to read. Default: all. */
  readonly select?: (info: ObjectInfo) => boolean;
  /** Called for each root that cannot be read. Default: throws the error. */
  readonly onUnreadable?: (key: string, error: Corrupt) => void;
}

/** Roots read at once. */
const WIDTH = 32;

/** @throws Corrupt on a root that cannot be read, unless `onUnreadable` takes it. */
export async function* listRoots(store: ObjectStore, options: RootOptions = {}): AsyncIterable<Root> {
  const { signal, select = () => true } = options;
  for (const prefix of ['refs/', 'leases/', 'runs/', 'actions/']) {
    for await (const { objects } of eachPage(store, prefix, { signal })) {
      const read = (info: ObjectInfo) => readRoot(store, info, options);
      const roots = await mapBounded(objects.filter(select), { width: WIDTH, signal }, read);
      yield* roots.filter(root => root !== undefined);
    }
  }
}

/** Reads the root under this key. @returns The error; undefined when the root can be read or is gone. */
export async function checkRoot(store: ObjectStore, key: string): Promise<Corrupt | undefined> {
  let problem: Corrupt | undefined;
  const onUnreadable = (_: string, error: Corrupt) => {
    problem = error;
  };
  await readRoot(store, { key, lastModified: new Date(0) }, { onUnreadable });
  return problem;
}

/** For each kind of root, the blobs that it names. */
const READERS: readonly {
  readonly pattern: RegExp;
  readonly read: (store: ObjectStore, key: string) => Promise<readonly Link[]>;
}[] = [
  { pattern: /^refs\/experiments\//, read: reader(experimentHeadSchema, linksOfExperiment) },
  { pattern: /^refs\/datasets\//, read: reader(datasetHeadSchema, linksOfDataset) },
  { pattern: /^refs\/models\//, read: reader(modelHeadSchema, model => leaves(listModelBlobs(model))) },
  { pattern: /^refs\/reports\//, read: reader(reportHeadSchema, linksOfReport) },
  // Names pictures, not blobs.
  { pattern: /^refs\/approvals\//, read: reader(approvalsSchema, () => []) },
  {
    pattern: /^leases\//,
    read: reader(leaseSchema, () => []),
  },
  { pattern: /^runs\/.*\/state\.json$/, read: reader(runRecordSchema, linksOfRun) },
  // Event logs name no blobs.
  { pattern: /^runs\//, read: async () => [] },
  { pattern: /^actions\//, read: reader(resultSchema, linksOfResult) },
];

function reader<T>(schema: z.ZodType<T>, linksOf: (value: T, key: string) => readonly Link[]) {
  return async (store: ObjectStore, key: string) => {
    const stored = await readVersioned(store, key, schema);
    return stored ? linksOf(stored.value, key) : [];
  };
}

/** Undefined when `onUnreadable` took the error. */
async function readRoot(
  store: ObjectStore,
  { key, lastModified }: Pick<ObjectInfo, 'key' | 'lastModified'>,
  { onUnreadable }: RootOptions,
): Promise<Root | undefined> {
  try {
    const known = READERS.find(({ pattern }) => pattern.test(key));
    if (known) return { key, lastModified, links: await known.read(store, key) };
    throw new Corrupt(`"${key}" is of an unknown kind`, { hint: 'a newer Easel wrote it: use that one' });
  } catch (error) {
    if (!(error instanceof Corrupt) || onUnreadable === undefined) throw error;
    onUnreadable(key, error);
    return undefined;
  }
}

/** Without superseded checkpoints, which are being deleted, and without `result`, which is the digest of an action. */
function linksOfExperiment(head: ExperimentHead): Link[] {
  return [
    ...documents([
      ...(head.checkpoint ? [head.checkpoint] : []),
      ...(head.dataset_deleted ? [] : [head.dataset]),
      ...listKeptDigests(head),
    ]),
    ...documents(head.chunks.flatMap(chunk => Object.values(chunk.artifacts))),
    ...documents([
      ...head.chunks.flatMap(({ record }) => record ?? []),
      ...(head.lineage ?? []).map(each => each.record),
      ...(head.earlier?.pages ?? []).map(each => each.page),
    ]),
    ...leaves([
      head.config,
      ...(head.weights ?? []),
      ...(head.engine.autotune ? [head.engine.autotune] : []),
      ...head.chunks.map(chunk => chunk.log),
    ]),
  ];
}

/** Shards of an earlier version are none: they may show pictures that were taken out. */
function linksOfDataset({ dataset, originals, engine, shards, lineage }: DatasetHead): Link[] {
  return [
    ...documents(originals ? [dataset, originals] : [dataset]),
    ...documents(lineage ? [lineage.record] : []),
    ...documents(shards?.of === dataset ? [shards.manifest] : []),
    ...leaves(engine?.autotune ? [engine.autotune] : []),
  ];
}

/** What is compared stays, so that the page can be made again. */
function linksOfReport({ runs, html, report }: ReportHead): Link[] {
  return [...documents([runs, report]), ...leaves([html])];
}

/** A run in progress needs the blobs that its names meant when it began; an ended run has left its result. */
function linksOfRun({ state, links, resolved = {} }: z.output<typeof runRecordSchema>): Link[] {
  return state === 'queued' || state === 'running' ? unknown([...links, ...Object.values(resolved)]) : [];
}

/** Its outputs and links; its inputs are not needed. @throws Corrupt when the key belongs to another action. */
function linksOfResult({ action, outputs, links }: Result, key: string): Link[] {
  if (actionKey(action.function, canonicalDigest(action)) !== key) {
    throw new Corrupt(`"${key}" holds the result of another action`, {
      hint: 'delete it; the next call computes it again',
    });
  }
  const made = Object.values(outputs).map(
    ({ digest, media_type }): Link => ({ digest, kind: media_type === 'application/json' ? 'document' : 'leaf' }),
  );
  return [...made, ...unknown(links)];
}

function documents(digests: readonly Digest[]): Link[] {
  return digests.map(digest => ({ digest, kind: 'document' }));
}

function leaves(digests: readonly Digest[]): Link[] {
  return digests.map(digest => ({ digest, kind: 'leaf' }));
}

function unknown(digests: readonly Digest[]): Link[] {
  return digests.map(digest => ({ digest, kind: 'unknown' }));
}
