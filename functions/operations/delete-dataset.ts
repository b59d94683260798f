import type { Clock } from '../../storage/clock.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { requireDatasetHead } from '../datasets/dataset-head.ts';
import { releasePictures } from '../datasets/release-pictures.ts';
import { writeDatasetView } from '../views/dataset-view.ts';
import { deleteView } from '../views/view-files.ts';
import { dropReport } from './delete-report.ts';
import { forgetPictures } from './forget-pictures.ts';
import type { DatasetContext } from './put-dataset.ts';

export interface DeleteDatasetContext extends DatasetContext {
  readonly now: Clock['now'];
}

/**
 * Deletes the name and the view; gc erases the pictures that no other dataset has.
 * @param force Experiments on the pictures keep their checkpoints and cannot be trained any more. What they keep of
 * held-out pictures goes, and so do reports that show the pictures.
 * @throws NotFound, Conflict while experiments use the pictures or reports show them; with `force`, while one of the
 * experiments is in training.
 */
export async function deleteDataset(
  ctx: DeleteDatasetContext,
  name: string,
  { force }: { readonly force: boolean },
): Promise<void> {
  const { value } = await requireDatasetHead(ctx.store, name);
  const forget = (experiment: string) => forgetPictures(ctx, experiment);
  const reports = await releasePictures(ctx, name, value, { force, forget });
  for (const report of reports) await dropReport(ctx.store, report);
  await createRefs(ctx.store).approvals.delete(name);
  // The name last: killed before, the same call goes on.
  await deleteView({ store: ctx.store, prefix: `datasets/${name}/` });
  await createRefs(ctx.store).datasets.delete(name);
  // Somebody may have written files of the view since they were deleted. The name is gone, so this deletes them.
  await writeDatasetView(ctx, name);
}
