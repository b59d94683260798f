/** @file The datasets of `estimate`: their names, and the end of those whose estimate was killed. */
import { randomUUID } from 'node:crypto';
import { NotFound } from '../../errors.ts';
import { createRefs, refKey } from '../../storage/names/refs.ts';
import { type DeleteDatasetContext, deleteDataset } from './delete-dataset.ts';

const PROBE_NAME = /^estimate-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** No estimate takes so long. */
const LONGEST_MS = 12 * 3_600_000;

/** A name that no other dataset has. */
export function nameProbe(): string {
  return `estimate-${randomUUID()}`;
}

/** Deletes a probe; does nothing if the estimate has not come so far. */
export async function deleteProbe(ctx: DeleteDatasetContext, name: string): Promise<void> {
  await deleteDataset(ctx, name, { force: true }).catch((error: unknown) => {
    if (!(error instanceof NotFound)) throw error;
  });
}

/** Deletes the probes that killed servers have left. */
export async function deleteLeftProbes(ctx: DeleteDatasetContext): Promise<void> {
  for (const name of await createRefs(ctx.store).datasets.list()) {
    if (!PROBE_NAME.test(name)) continue;
    const written = (await ctx.store.head(refKey('datasets', name)))?.lastModified;
    if (written !== undefined && ctx.now() - written.getTime() > LONGEST_MS) await deleteProbe(ctx, name);
  }
}
