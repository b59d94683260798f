/**
 * @file Moves a run with its checkpoint to another dataset: pictures were added, taken out or corrected. The head
 * records which dataset it was trained on up to which step. The next chunk begins an epoch of the new dataset, so its
 * bits depend on its inputs alone.
 */
import { Conflict } from '../../errors.ts';
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import type { Clock } from '../../storage/clock.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { readLease } from '../../storage/names/lease.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { atLargest, completeConfig } from './complete-config.ts';
import { findDatasetName } from './dataset-name.ts';
import { changeHead, readConfig, readHead, stepOf } from './experiment-head.ts';
import { fitPlan } from './fit.ts';
import { isSameDataset } from './same-dataset.ts';

export interface MoveToContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly runner: RunnerClient;
  readonly now: Clock['now'];
}

/**
 * @param dataset It exists. The experiment may be on it already.
 * @throws Unprocessable if it does not fit the config or the device; Conflict while the experiment is in training.
 */
export async function moveToDataset(ctx: MoveToContext, name: string, dataset: Digest): Promise<void> {
  const { store, blobs } = ctx;
  const { value: head } = await readHead(store, name);
  const isSame = await isSameDataset(blobs, head.dataset, dataset);
  if (isSame && !head.dataset_deleted) return;
  const whole = await completeConfig(blobs, await readConfig(blobs, head), dataset);
  await fitPlan({ blobs }, await ctx.runner.status(), atLargest(whole), head.engine, head.plan, head.plan);
  const driver = await readLease(store, name, ctx.now());
  const called = await findDatasetName(store, dataset, head.dataset_name);
  await changeHead(store, name, now => {
    if (now.dataset === dataset && !now.dataset_deleted) return now;
    if (now.state === 'running' || driver) throw inTraining(name);
    const { dataset_deleted: _, dataset_name: __, ...rest } = now;
    if (isSame && now.dataset === head.dataset)
      return { ...rest, ...(called !== undefined && { dataset_name: called }) };
    return {
      ...rest,
      dataset,
      ...(called !== undefined && { dataset_name: called }),
      ...(stepOf(now) > 0 && {
        former_datasets: [...(now.former_datasets ?? []), { dataset: now.dataset, until: stepOf(now) }],
      }),
    };
  });
}

/** The datasets before, of a head that goes back to an earlier step, or of a branch that begins there. */
export function formerAt(
  { former_datasets: former }: Pick<ExperimentHead, 'former_datasets'>,
  step: number,
): Pick<ExperimentHead, 'former_datasets'> {
  if (former === undefined || step === 0) return {};
  return { former_datasets: former.map(({ dataset, until }) => ({ dataset, until: Math.min(until, step) })) };
}

/** Whether the step is the first on the dataset of the head, after steps on another one. */
export function beginsDataset({ former_datasets: former = [] }: ExperimentHead, step: number): boolean {
  return former.at(-1)?.until === step;
}

function inTraining(name: string): Conflict {
  return new Conflict(`the experiment "${name}" is in training, and changes its dataset only between two trainings`, {
    expected: 'an experiment that is not in training',
    hint: `POST /experiments/${name}/pause, and repeat the call when its chunk has ended`,
    retryAfterSeconds: 5,
  });
}
