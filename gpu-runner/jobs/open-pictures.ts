/** @file Opens the pictures of a training. The first opening on a machine may read all of them (column-sums.ts). */
import { Cancelled } from '../../errors.ts';
import type { TrainingSource } from '../training/source.ts';
import { breatheUntil } from './breathe-until.ts';
import type { ColumnSourceOptions } from './column-source.ts';
import type { JobContext } from './context.ts';

/**
 * Breathes while the pictures are opened, so that samples are made and the job can be cancelled.
 * @throws what openColumnSource throws; Cancelled, also when the runner shuts down: the same job begins again.
 */
export async function openPictures(
  ctx: JobContext,
  options: Omit<ColumnSourceOptions, 'budgetBytes'>,
): Promise<TrainingSource> {
  const opening = ctx.openSource(options, (done, total) => ctx.progress({ phase: 'load', done, total, unit: 'pages' }));
  try {
    const source = await breatheUntil(ctx, opening);
    if (source !== 'stop') return source;
    throw new Cancelled('the gpu-runner stops while the pictures are opened');
  } catch (error) {
    // What is being opened cannot be stopped, and is of no use then.
    opening.then(source => source.close()).catch(() => {});
    throw error;
  }
}
