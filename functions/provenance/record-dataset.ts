/** @file The head of an experiment keeps how its dataset was made. */
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { changeHead } from '../experiments/experiment-head.ts';
import { putLineageOf } from './put-lineage.ts';

interface Site {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly signal: AbortSignal;
}

/** Before the first chunk on a dataset. Takes the lineage of the name that means the dataset, if there is one. */
export async function recordDataset(ctx: Site, name: string, head: ExperimentHead): Promise<ExperimentHead> {
  const { dataset } = head;
  const isThere = (now: ExperimentHead) => now.lineage?.some(({ of }) => of === dataset) ?? false;
  if (isThere(head)) return head;
  const record = (await findRecord(ctx, head)) ?? (await putLineageOf(ctx, dataset));
  return changeHead(ctx.store, name, now =>
    isThere(now) || now.dataset !== dataset
      ? now
      : { ...now, lineage: [...(now.lineage ?? []), { of: dataset, record }] },
  );
}

async function findRecord(
  { store, blobs }: Site,
  { dataset, dataset_name }: ExperimentHead,
): Promise<Digest | undefined> {
  if (dataset_name === undefined) return undefined;
  const lineage = (await createRefs(store).datasets.read(dataset_name))?.value.lineage;
  // Extends its life before the experiment names it.
  return lineage?.of === dataset && (await blobs.keep(lineage.record)) ? lineage.record : undefined;
}
