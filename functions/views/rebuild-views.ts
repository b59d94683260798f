/** @file All views again, from the names: those of names that are gone are deleted. */
import { BlobMissing, Conflict, Corrupt, Unprocessable } from '../../errors.ts';
import { listFolders } from '../../storage/list-all.ts';
import { nameSchema } from '../../storage/records.ts';
import { createRefs } from '../../storage/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { type DatasetViewContext, writeDatasetView } from './dataset-view.ts';
import { rebuildView } from './rebuild-experiment-view.ts';

export interface RebuiltViews {
  readonly rebuilt: number;
  /** Of names that are gone. */
  readonly deleted: readonly string[];
  /** What of a view is missing or in the way. */
  readonly failed: readonly { readonly view: string; readonly reason: string }[];
}

/** One view that cannot be made does not keep the others from being made. */
export async function rebuildViews(ctx: DatasetViewContext): Promise<RebuiltViews> {
  const refs = createRefs(ctx.store);
  const deleted: string[] = [];
  const failed: { readonly view: string; readonly reason: string }[] = [];
  let rebuilt = 0;
  const kinds = [
    {
      kind: 'experiments',
      refs: refs.experiments,
      rebuild: (name: string) => rebuildView({ store: ctx.store, blobs: ctx.blobs, name }, ctx.signal),
    },
    { kind: 'datasets', refs: refs.datasets, rebuild: (name: string) => writeDatasetView(ctx, name, true) },
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

/** A blob or document that the view needs is not there, is damaged, or moves all the time. */
function isOfView(error: unknown): error is Error {
  return [BlobMissing, Corrupt, Unprocessable, Conflict].some(kind => error instanceof kind);
}

/** Folders that can be those of names. */
async function listNamed(store: ObjectStore, prefix: string): Promise<string[]> {
  const names = (await listFolders(store, prefix)).map(folder => folder.slice(prefix.length, -1));
  return names.filter(name => nameSchema.safeParse(name).success);
}
