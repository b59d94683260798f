/**
 * @file Moves a run with its checkpoint to another dataset: pictures were added, taken out or corrected. The head
 * records which dataset it was trained on up to which step. The next chunk begins an epoch of the new dataset, so its
 * bits depend on its inputs alone.
 */
import type { Conditions } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import { readDataset } from '../../storage/blobs/document-blobs.ts';
import { canonicalJson } from '../../storage/canonical.ts';
import type { Clock } from '../../storage/clock.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { readLease } from '../../storage/names/lease.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { atLargest, type CompleteConfig, completeConfig } from './complete-config.ts';
import { findDatasetName } from './dataset-name.ts';
import { changeHead, readConfig, readHead, stepOf } from './experiment-head.ts';
import { fitPlan } from './fit.ts';
import { checkIdle } from './require-idle.ts';
import { isSameDataset } from './same-dataset.ts';
import { renewSet } from './unite-datasets.ts';

export interface MoveToContext {
  readonly store: ObjectStore;
  readonly blobs: BlobStore;
  readonly runner: RunnerClient;
  readonly now: Clock['now'];
}

/**
 * @param asked It exists. The experiment may be on it already. In a training on several data sets it is one of them.
 * @throws Unprocessable if it does not fit the config or the device; Conflict while the experiment is in training.
 */
export async function moveToDataset(ctx: MoveToContext, name: string, asked: Digest): Promise<void> {
  const { store, blobs } = ctx;
  const { value: head } = await readHead(store, name);
  const { data, model } = await readConfig(blobs, head);
  const dataset = data.datasets ? await moveWithin(ctx, name, head.dataset, asked, model.conditions) : asked;
  const isSame = await isSameDataset(blobs, head.dataset, dataset);
  if (isSame && !head.dataset_deleted) return;
  const whole = await completeStored(blobs, name, head, dataset);
  await fitPlan({ blobs }, await ctx.runner.status(), atLargest(whole), head.engine, head.plan, head.plan);
  const driver = await readLease(store, name, ctx.now());
  const called = await findDatasetName(store, dataset, head.dataset_name);
  await changeHead(store, name, now => {
    if (now.dataset === dataset && !now.dataset_deleted) return now;
    checkIdle(name, now, driver, 'move it to the dataset');
    const { dataset_deleted: _, dataset_name: __, former_datasets, ...rest } = now;
    const isThere = isSame && now.dataset === head.dataset;
    return {
      ...rest,
      ...(called !== undefined && { dataset_name: called }),
      ...(isThere ? former_datasets && { former_datasets } : { dataset, ...formerOf(now, dataset) }),
    };
  });
}

/** The mixture of a training, with the version of one set that was asked for; or another mixture of the same sets. */
async function moveWithin(
  ctx: MoveToContext,
  name: string,
  mixture: Digest,
  asked: Digest,
  conditions: Conditions | undefined,
): Promise<Digest> {
  const { sets = [] } = await readDataset(ctx.blobs, mixture);
  const { sets: others } = await readDataset(ctx.blobs, asked);
  const sharesOf = (each: typeof sets) => canonicalJson(each.map(({ name: of, times }) => [of, times]));
  if (others && sharesOf(others) === sharesOf(sets)) return asked;
  const renewed = others ? undefined : await renewSet(ctx, mixture, asked, conditions);
  if (renewed !== undefined) return renewed;
  throw new Unprocessable(`the experiment "${name}" is not trained on that dataset`, {
    expected: `the newest version of one of its data sets: ${sets.map(each => each.name).join(', ')}`,
  });
}

/** @throws Unprocessable if the dataset does not fit what the experiment was created with. */
async function completeStored(
  blobs: BlobStore,
  name: string,
  head: ExperimentHead,
  dataset: Digest,
): Promise<CompleteConfig> {
  try {
    return await completeConfig(blobs, await readConfig(blobs, head), dataset);
  } catch (error) {
    if (!(error instanceof Unprocessable)) throw error;
    // The config of an experiment that has a checkpoint stays.
    throw new Unprocessable(`the experiment "${name}" cannot move to that dataset: ${error.message}`, {
      expected: 'pictures of the same encoders, and of sizes that the patches divide',
      hint: 'prepare the dataset with the settings of the earlier one, or create another experiment on it',
      cause: error,
    });
  }
}

/** The datasets before, of a head that moves. One on which no step was taken is none of them. */
function formerOf(now: ExperimentHead, dataset: Digest): Pick<ExperimentHead, 'former_datasets'> {
  const { former_datasets: former = [] } = now;
  const step = stepOf(now);
  if (step === 0) return {};
  if (!beginsDataset(now, step)) return { former_datasets: [...former, { dataset: now.dataset, until: step }] };
  // Back to the one of its last step: as if it had not moved.
  const left = former.at(-1)?.dataset === dataset ? former.slice(0, -1) : former;
  return left.length > 0 ? { former_datasets: left } : {};
}

/** The datasets before, of a head that goes back to an earlier step, or of a branch that begins there. */
export function formerAt(
  { former_datasets: former }: Pick<ExperimentHead, 'former_datasets'>,
  step: number,
): Pick<ExperimentHead, 'former_datasets'> {
  if (former === undefined || step === 0) return {};
  const before = former.filter((_, i) => (former[i - 1]?.until ?? 0) < step);
  return { former_datasets: before.map(({ dataset, until }) => ({ dataset, until: Math.min(until, step) })) };
}

/** Whether the step is the first on the dataset of the head, after steps on another one. */
export function beginsDataset({ former_datasets: former = [] }: ExperimentHead, step: number): boolean {
  return former.at(-1)?.until === step;
}
