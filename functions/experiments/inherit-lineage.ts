/** @file What an experiment that begins at a checkpoint of another one keeps of how that checkpoint was made. */
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';

/** The records of all chunks up to the checkpoint, and those that the other experiment had inherited itself. */
export function inheritLineage(
  parent: ExperimentHead | undefined,
  { step, checkpoint }: { readonly step: number; readonly checkpoint: Digest },
): Pick<ExperimentHead, 'lineage'> {
  const chunks = parent?.chunks.filter(({ to, record }) => to <= step && record !== undefined) ?? [];
  const lineage = [
    ...(parent?.lineage ?? []),
    ...chunks.flatMap(({ record }) => (record ? [{ of: checkpoint, record }] : [])),
  ];
  return lineage.length > 0 ? { lineage } : {};
}
