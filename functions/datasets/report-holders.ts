/** @file Which reports of comparisons hold pictures of experiments and datasets: they stay when those are deleted. */
import { z } from 'zod';
import { BlobMissing, Corrupt } from '../../errors.ts';
import { readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { digestSchema } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';

/** What a list of compared runs tells of pictures. */
const heldSchema = z.looseObject({
  kind: z.literal('compared-runs'),
  arms: z.array(
    z.looseObject({
      runs: z.array(
        z.looseObject({
          experiment: z.string(),
          dataset: digestSchema,
          dataset_name: z.string().optional(),
          chunks: z.array(z.looseObject({ artifacts: z.record(z.string(), digestSchema) })),
        }),
      ),
    }),
  ),
});
export type HeldRun = z.output<typeof heldSchema>['arms'][number]['runs'][number];

/**
 * Names of reports with a run that drew or measured pictures, and that `isMeant`. A report whose list of runs is lost
 * may show anything, so it is among them.
 */
export async function listReportsOf(
  { store, blobs }: { readonly store: ObjectStore; readonly blobs: BlobStore },
  isMeant: (run: HeldRun) => boolean | Promise<boolean>,
): Promise<string[]> {
  const { reports } = createRefs(store);
  const found: string[] = [];
  for (const name of await reports.list()) {
    const head = await reports.read(name);
    if (head === undefined) continue;
    const runs = await readRuns(blobs, head.value.runs);
    const holders = runs?.filter(({ chunks }) => chunks.some(({ artifacts }) => Object.keys(artifacts).length > 0));
    const meant = holders && (await Promise.all(holders.map(isMeant)));
    if (meant === undefined || meant.includes(true)) found.push(name);
  }
  return found;
}

/** Undefined if the document is lost or cannot be read. */
async function readRuns(blobs: BlobStore, digest: Digest): Promise<HeldRun[] | undefined> {
  try {
    const { arms } = await readDocument(blobs, digest, heldSchema, 'a list of compared runs');
    return arms.flatMap(({ runs }) => runs);
  } catch (error) {
    if (error instanceof BlobMissing || error instanceof Corrupt) return undefined;
    throw error;
  }
}
