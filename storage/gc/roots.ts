/** @file Where every walk begins: names, results, leases and running calls, and the blobs that each of them names. */
import type { z } from 'zod';
import { Corrupt } from '../../errors.ts';
import { canonicalDigest } from '../canonical.ts';
import type { Digest } from '../digest.ts';
import { actionKey } from '../keys.ts';
import { leaseSchema } from '../lease.ts';
import { eachPage } from '../list-all.ts';
import { listKeptDigests } from '../list-kept.ts';
import { mapBounded } from '../map-bounded.ts';
import {
  type DatasetHead,
  datasetHeadSchema,
  type ExperimentHead,
  experimentHeadSchema,
  type Result,
  resultSchema,
  runRecordSchema,
} from '../records.ts';
import type { ObjectInfo, ObjectStore } from '../types.ts';
import { readVersioned } from '../versioned.ts';

/** A blob that is named, and what whoever names it knows of it: whether it is a JSON document, which may have links of its own. */
export interface Link {
  readonly digest: Digest;
  readonly kind: 'document' | 'leaf' | 'unknown';
}

export interface Root {
  /** Of the document in the store: `refs/datasets/portraits.json`. */
  readonly key: string;
  readonly lastModified: Date;
  readonly links: readonly Link[];
}

export interface RootOptions {
  readonly signal?: AbortSignal;
  /** Which are read at all; default: every one. */
  readonly select?: (info: ObjectInfo) => boolean;
  /** A root that is no JSON, of an unknown version, or not as its schema says. Default: throws the Corrupt. */
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

/** What is wrong with the root under this key now; undefined when nothing is, or when it is gone. */
export async function checkRoot(store: ObjectStore, key: string): Promise<Corrupt | undefined> {
  let problem: Corrupt | undefined;
  const onUnreadable = (_: string, error: Corrupt) => {
    problem = error;
  };
  await readRoot(store, { key, lastModified: new Date(0) }, { onUnreadable });
  return problem;
}

/** What a root of each kind names. */
const READERS: readonly {
  readonly pattern: RegExp;
  readonly read: (store: ObjectStore, key: string) => Promise<readonly Link[]>;
}[] = [
  { pattern: /^refs\/experiments\//, read: reader(experimentHeadSchema, linksOfExperiment) },
  { pattern: /^refs\/datasets\//, read: reader(datasetHeadSchema, linksOfDataset) },
  {
    pattern: /^leases\//,
    read: reader(leaseSchema, () => []),
  },
  { pattern: /^runs\/.*\/state\.json$/, read: reader(runRecordSchema, linksOfRun) },
  // Logs of events name nothing.
  { pattern: /^runs\//, read: async () => [] },
  { pattern: /^actions\//, read: reader(resultSchema, linksOfResult) },
];

function reader<T>(schema: z.ZodType<T>, linksOf: (value: T, key: string) => readonly Link[]) {
  return async (store: ObjectStore, key: string) => {
    const stored = await readVersioned(store, key, schema);
    return stored ? linksOf(stored.value, key) : [];
  };
}

/** Undefined when it was deleted since it was listed. */
async function readRoot(
  store: ObjectStore,
  { key, lastModified }: Pick<ObjectInfo, 'key' | 'lastModified'>,
  { onUnreadable }: RootOptions,
): Promise<Root | undefined> {
  try {
    const known = READERS.find(({ pattern }) => pattern.test(key));
    if (known) return { key, lastModified, links: await known.read(store, key) };
    throw new Corrupt(`"${key}" is of a kind that is not known`, { hint: 'a newer Easel wrote it: use that one' });
  } catch (error) {
    if (!(error instanceof Corrupt) || onUnreadable === undefined) throw error;
    onUnreadable(key, error);
    return undefined;
  }
}

/** What was superseded is on its way out, and `result` is an action, no blob. */
function linksOfExperiment(head: ExperimentHead): Link[] {
  return [
    ...documents([
      ...(head.checkpoint ? [head.checkpoint] : []),
      ...(head.dataset_deleted ? [] : [head.dataset]),
      ...listKeptDigests(head),
    ]),
    ...documents(head.chunks.flatMap(chunk => Object.values(chunk.artifacts))),
    ...leaves([head.config, ...head.chunks.map(chunk => chunk.log)]),
  ];
}

function linksOfDataset({ dataset, originals }: DatasetHead): Link[] {
  return documents(originals ? [dataset, originals] : [dataset]);
}

/** A run that goes on needs what its names meant when it began; one that has ended left its result. */
function linksOfRun({ state, links, resolved = {} }: z.output<typeof runRecordSchema>): Link[] {
  return state === 'queued' || state === 'running' ? unknown([...links, ...Object.values(resolved)]) : [];
}

/** What it was made of is not needed for it to be a result. @throws Corrupt when the key is another action's. */
function linksOfResult({ action, outputs, links }: Result, key: string): Link[] {
  if (actionKey(action.function, canonicalDigest(action)) !== key) {
    throw new Corrupt(`"${key}" holds the result of another action`, { hint: 'delete it; it is computed again' });
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
