/** @file Writes all views again, from the names. Deletes views whose names are gone. */
import { BlobMissing, Conflict, Corrupt, Unprocessable } from '../../errors.ts';
import { listFolders } from '../../storage/list-all.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { nameSchema } from '../../storage/records.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { type DatasetViewContext, writeDatasetView } from './dataset-view.ts';
import { viewOf } from './experiment-view.ts';
import { rebuildView } from './rebuild-experiment-view.ts';
import { writeReportView } from './report-view.ts';

export interface RebuiltViews {
  readonly rebuilt: number;
  /** Views whose names are gone. */
  readonly deleted: readonly string[];
  /** Views that could not be written, with the reason. */
  readonly failed: readonly { readonly view: string; readonly reason: string }[];
}

/** Rebuilds all views. A view that fails does not stop the others. */
export async function rebuildViews(ctx: DatasetViewContext): Promise<RebuiltViews> {
  const refs = createRefs(ctx.store);
  const deleted: string[] = [];
  const failed: { readonly view: string; readonly reason: string }[] = [];
  let rebuilt = 0;
  const kinds = [
    {
      kind: 'experiments',
      refs: refs.experiments,
      rebuild: (name: string) => rebuildView(viewOf(ctx, name), ctx.signal),
    },
    { kind: 'datasets', refs: refs.datasets, rebuild: (name: string) => writeDatasetView(ctx, name, true) },
    { kind: 'reports', refs: refs.reports, rebuild: (name: string) => writeReportView(ctx.store, name) },
  ] as const;
  for (const { kind, refs, rebuild } of kinds) {
    const named = new Set(await refs.list());
    for (const name of new Set([...named, ...(await listNamed(ctx.store, `${kind}/`))])) {
      ctx.signal?.throwIfAborted();
      ctx.progress?.({ phase: 'views', done: rebuilt, unit: 'views', message: `${kind}/${name}` });
      try {
        await rebuild(name);
        if (named.has(name)) rebuilt++;
        else deleted.push(`${kind}/${name}/`);
      } catch (error) {
        if (!isOfView(error)) throw error;
        failed.push({ view: `${kind}/${name}/`, reason: error.message });
      }
    }
  }
  return { rebuilt, deleted, failed };
}

/** True if a blob or document of the view is missing or damaged, or keeps changing. */
function isOfView(error: unknown): error is Error {
  return [BlobMissing, Corrupt, Unprocessable, Conflict].some(kind => error instanceof kind);
}

/** Names of the folders below `prefix` that can be names of experiments or datasets. */
async function listNamed(store: ObjectStore, prefix: string): Promise<string[]> {
  const names = (await listFolders(store, prefix)).map(folder => folder.slice(prefix.length, -1));
  return names.filter(name => nameSchema.safeParse(name).success);
}
