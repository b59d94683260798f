/**
 * @file Names of experiments, datasets, models and reports. Each is a small document under refs/, changed by
 * compare-and-swap only.
 */
import type { z } from 'zod';
import { InvalidInput, PreconditionFailed } from '../../errors.ts';
import { type Approvals, approvalsSchema } from '../approval-record.ts';
import type { Json } from '../canonical.ts';
import { type ExperimentHead, experimentHeadSchema } from '../experiment-record.ts';
import { eachPage } from '../list-all.ts';
import { type ModelHead, modelHeadSchema } from '../model-record.ts';
import { type DatasetHead, datasetHeadSchema, nameSchema } from '../records.ts';
import { type ReportHead, reportHeadSchema } from '../report-record.ts';
import type { Etag, ObjectStore } from '../types.ts';
import { readVersioned, type Versioned, type WriteCondition, writeVersioned } from './versioned.ts';

/** Names of one kind; `T` is the document of a name. */
export interface RefTable<T> {
  /** @throws InvalidInput when it is not a valid name, Corrupt when the document cannot be read. */
  read(name: string): Promise<Versioned<T> | undefined>;
  /** @throws PreconditionFailed when the name exists. */
  create(name: string, value: T): Promise<Versioned<T>>;
  /** @throws PreconditionFailed when the stored version is not `etag`: read it again, then decide. */
  compareAndSwap(name: string, etag: Etag, value: T): Promise<Versioned<T>>;
  /** Does nothing for an absent name. */
  delete(name: string): Promise<void>;
  /** All names, sorted. */
  list(): Promise<string[]>;
}

export interface Refs {
  readonly experiments: RefTable<ExperimentHead>;
  readonly datasets: RefTable<DatasetHead>;
  readonly models: RefTable<ModelHead>;
  /** By the name of a dataset. */
  readonly approvals: RefTable<Approvals>;
  readonly reports: RefTable<ReportHead>;
}

export function createRefs(store: ObjectStore): Refs {
  return {
    experiments: createRefTable(store, 'experiments', experimentHeadSchema),
    datasets: createRefTable(store, 'datasets', datasetHeadSchema),
    models: createRefTable(store, 'models', modelHeadSchema),
    approvals: createRefTable(store, 'approvals', approvalsSchema),
    reports: createRefTable(store, 'reports', reportHeadSchema),
  };
}

/** `refs/<kind>/<name>.json`. @throws InvalidInput */
export function refKey(kind: string, name: string): string {
  const parsed = nameSchema.safeParse(name);
  if (!parsed.success) {
    throw new InvalidInput(`"${name.slice(0, 100)}" cannot be the name of one of the ${kind}`, {
      expected: '1 to 63 of a-z 0-9 . _ -, starting with a letter or digit',
    });
  }
  return `refs/${kind}/${name}.json`;
}

function createRefTable<T extends Json>(store: ObjectStore, kind: string, schema: z.ZodType<T>): RefTable<T> {
  async function write(name: string, value: T, condition: WriteCondition) {
    const key = refKey(kind, name);
    const etag = await writeVersioned(store, key, value, condition);
    if (etag === undefined) {
      throw new PreconditionFailed(
        'ifMatch' in condition ? `"${key}" has changed, or is gone` : `"${key}" exists already`,
        { hint: 'read it again, then decide' },
      );
    }
    return { value, etag };
  }

  return {
    read: async name => readVersioned(store, refKey(kind, name), schema),
    create: async (name, value) => write(name, value, { ifNoneMatch: '*' }),
    compareAndSwap: async (name, etag, value) => write(name, value, { ifMatch: etag }),
    delete: async name => store.delete(refKey(kind, name)),
    async list() {
      const prefix = `refs/${kind}/`;
      const names: string[] = [];
      for await (const { objects } of eachPage(store, prefix, { delimiter: '/' })) {
        for (const { key } of objects) if (key.endsWith('.json')) names.push(key.slice(prefix.length, -'.json'.length));
      }
      return names.sort();
    },
  };
}
