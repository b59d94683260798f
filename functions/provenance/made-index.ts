/** @file Finds how blobs were made: in the records of experiments and datasets, then in the results of the store. */
import { COLUMN_NAMES } from '../../configs/signals.ts';
import { BlobMissing } from '../../errors.ts';
import { createActionCache } from '../../storage/action-cache.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import { canonicalDigest } from '../../storage/canonical.ts';
import { type Digest, digestOf, hexOf, isDigest } from '../../storage/digest.ts';
import { type Made, recordSchema } from '../../storage/lineage-record.ts';
import { listAll, listFolders } from '../../storage/list-all.ts';
import { mapBounded } from '../../storage/map-bounded.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { datasetSchema, type Result } from '../../storage/records.ts';
import type { BlobStore, ObjectInfo, ObjectStore } from '../../storage/types.ts';
import { eachChunk } from '../experiments/chunk-pages.ts';

/** Documents read at once. */
const WIDTH = 32;
const ACTIONS = 'actions/';
/** Results of one function that are compared: the newest. */
const MOST_COMPARED = 1000;

/** `at`: when its result was committed or used last, in milliseconds since the epoch. */
export interface Dated {
  readonly made: Made;
  readonly at?: number;
}

export interface MadeIndex {
  /** The action of this digest, with what it made. */
  action(digest: Digest): Promise<Made | undefined>;
  /** All known actions of a function: those with a result, newest first, then those that only records tell. */
  actionsOf(functionName: string): Promise<readonly Dated[]>;
  /** A dataset of originals, as a record has it: for one whose blob is deleted, since the dataset has grown. */
  document(digest: Digest): Promise<string | undefined>;
  /** The actions with this blob among their outputs. Actions of single pages are left out: nobody can call them. */
  makersOf(blob: Digest): Promise<readonly Made[]>;
  /**
   * The stages whose datasets name this blob, as a column that one of their pages made. Without those that took it over
   * from another one of them. A dataset that is deleted names none.
   */
  stagesWith(blob: Digest): Promise<readonly Made[]>;
}

/** Reads nothing before the first question, and results only if no record has the answer. */
export function createMadeIndex(store: ObjectStore, blobs: BlobStore, signal?: AbortSignal): MadeIndex {
  const cache = createActionCache(store);
  const byAction = new Map<Digest, Made>();
  const byOutput = new Map<Digest, Made[]>();
  /** Inputs of recorded stages that no stage made: a search of all results would find no maker either. */
  const originals = new Set<Digest>();
  const documents = new Map<Digest, string>();
  let records: Promise<void> | undefined;
  let results: Promise<void> | undefined;
  let columns: Promise<ReadonlyMap<Digest, readonly Made[]>> | undefined;

  function add(made: Made): void {
    const action = canonicalDigest(made.action);
    if (byAction.has(action)) return;
    byAction.set(action, made);
    if (isOfPage(made)) return;
    for (const output of new Set(Object.values(made.outputs))) {
      byOutput.set(output, [...(byOutput.get(output) ?? []), made]);
    }
  }

  async function readRecords(): Promise<void> {
    const { experiments, datasets } = createRefs(store);
    const found = new Set<Digest>();
    for (const name of await experiments.list()) {
      const head = (await experiments.read(name))?.value;
      for (const { record } of head?.lineage ?? []) found.add(record);
      if (head === undefined) continue;
      for await (const { record } of eachChunk(blobs, head, { skipLost: true })) if (record) found.add(record);
    }
    for (const name of await datasets.list()) {
      const lineage = (await datasets.read(name))?.value.lineage;
      if (lineage) found.add(lineage.record);
    }
    const linked = await mapBounded(found, { width: WIDTH, signal }, readRecord);
    // Lineages link no further lineages.
    const more = new Set(linked.flat().filter(link => !found.has(link)));
    await mapBounded(more, { width: WIDTH, signal }, readRecord);
    for (const digest of originals) if (byOutput.has(digest)) originals.delete(digest);
  }

  /** @returns The lineages that the record links. */
  async function readRecord(digest: Digest): Promise<readonly Digest[]> {
    // A head that moved meanwhile may have let it go.
    const record = await readDocument(blobs, digest, recordSchema, 'a lineage').catch(ifThere);
    if (record === undefined) return [];
    if (record.kind === 'lineages') return record.links;
    for (const made of record.made) add(made);
    for (const document of record.documents ?? []) documents.set(digestOf(document), document);
    // The lineage of a dataset is whole. A chunk has a lineage of its own for each of its parents.
    const stages = record.made.filter(({ action }) => action.function !== 'train-chunk');
    for (const { action } of stages) if (action.inputs.dataset) originals.add(action.inputs.dataset);
    return [];
  }

  async function readResults(): Promise<void> {
    for (const folder of await listFolders(store, ACTIONS, signal)) {
      const name = folder.slice(ACTIONS.length, -1);
      await mapBounded(listActions(store, folder), { width: WIDTH, signal }, async action => {
        const stored = await cache.get(name, action);
        if (stored) add(madeOf(stored.result));
      });
    }
  }

  async function readColumns(): Promise<ReadonlyMap<Digest, readonly Made[]>> {
    records ??= readRecords();
    results ??= readResults();
    await Promise.all([records, results]);
    const byColumn = new Map<Digest, Made[]>();
    await mapBounded(byAction.values(), { width: WIDTH, signal }, async made => {
      const digest = made.outputs.dataset;
      const dataset = digest && (await readDocument(blobs, digest, datasetSchema, 'a dataset').catch(ifThere));
      for (const link of dataset?.links ?? []) {
        const known = byColumn.get(link);
        if (known) known.push(made);
        else byColumn.set(link, [made]);
      }
    });
    return byColumn;
  }

  async function search<T>(find: () => T | undefined): Promise<T | undefined> {
    for (const read of [() => (records ??= readRecords()), () => (results ??= readResults())]) {
      await read();
      const found = find();
      if (found !== undefined) return found;
    }
    return undefined;
  }

  return {
    async action(digest) {
      const known = byAction.get(digest);
      if (known) return known;
      for (const folder of await listFolders(store, ACTIONS, signal)) {
        if ((await store.head(`${folder}${hexOf(digest)}.json`)) === undefined) continue;
        const stored = await cache.get(folder.slice(ACTIONS.length, -1), digest);
        if (stored) return madeOf(stored.result);
      }
      return search(() => byAction.get(digest));
    },
    async actionsOf(functionName) {
      const folder = `${ACTIONS}${functionName}/`;
      const infos: ObjectInfo[] = [];
      for await (const info of listAll(store, folder, signal)) infos.push(info);
      infos.sort((a, b) => b.lastModified.getTime() - a.lastModified.getTime());
      const known = new Set<Digest>();
      const read = await mapBounded(infos.slice(0, MOST_COMPARED), { width: WIDTH, signal }, async info => {
        const action = digestOfKey(folder, info.key);
        if (action) known.add(action);
        const stored = action && (await cache.get(functionName, action));
        return stored ? [{ made: madeOf(stored.result), at: info.lastModified.getTime() }] : [];
      });
      records ??= readRecords();
      await records;
      const recorded = [...byAction].filter(([key, { action }]) => action.function === functionName && !known.has(key));
      return [...read.flat(), ...recorded.map(([, made]) => ({ made }))];
    },
    async document(digest) {
      records ??= readRecords();
      await records;
      return documents.get(digest);
    },
    makersOf: async blob => (await search(() => byOutput.get(blob) ?? (originals.has(blob) ? [] : undefined))) ?? [],
    async stagesWith(blob) {
      columns ??= readColumns();
      const all = (await columns).get(blob) ?? [];
      const made = new Set(all.map(({ outputs }) => outputs.dataset));
      return all.filter(({ action }) => !made.has(action.inputs.dataset));
    },
  };
}

export function madeOf({ action, outputs, stats: { seconds } }: Result): Made {
  const digests = Object.entries(outputs).map(([name, { digest }]) => [name, digest] as const);
  return { action, outputs: Object.fromEntries(digests), ...(typeof seconds === 'number' && { seconds }) };
}

/** The actions of a function that have a result. @param folder `actions/<function>/` */
async function* listActions(store: ObjectStore, folder: string): AsyncIterable<Digest> {
  for await (const { key } of listAll(store, folder)) {
    const digest = digestOfKey(folder, key);
    if (digest) yield digest;
  }
}

function digestOfKey(folder: string, key: string): Digest | undefined {
  const digest = `sha256:${key.slice(folder.length, -'.json'.length)}`;
  return isDigest(digest) ? digest : undefined;
}

/** The executor makes actions of single pages of a dataset: they read items and make columns. */
function isOfPage({ action, outputs }: Made): boolean {
  const columns = new Set<string>(COLUMN_NAMES);
  return action.inputs.items !== undefined && Object.keys(outputs).every(name => columns.has(name) || name === 'piece');
}

function ifThere(error: unknown): undefined {
  if (error instanceof BlobMissing) return undefined;
  throw error;
}
