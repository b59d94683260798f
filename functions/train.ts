/**
 * @file Trains an experiment to its target, chunk after chunk, under the lease of the experiment. The head records all
 * progress, so any later call on any server goes on from there. A pause takes effect at the next chunk border.
 */

import { z } from 'zod';
import { MOST_SAMPLES } from '../configs/bounds.ts';
import type { Json } from '../storage/canonical.ts';
import type { ExperimentHead } from '../storage/experiment-record.ts';
import { digestSchema, nameSchema } from '../storage/records.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { putKeyedConfig } from './driver/advance.ts';
import { driveToEnd } from './driver/drive.ts';
import { stepsFor } from './experiments/chunks.ts';
import { changeHead, readConfig, readHead, stepOf } from './experiments/experiment-head.ts';
import { holdExperiment } from './experiments/experiment-lease.ts';
import { isComplete } from './experiments/kept-checkpoints.ts';
import { moveToDataset } from './experiments/move-to-dataset.ts';
import { settleOrigin } from './experiments/settle-origin.ts';
import { begin, checkEnd, finish, isAtTarget, recordStop } from './experiments/training-state.ts';
import { describeExperiment, viewOf } from './views/experiment-view.ts';
import { showHead } from './views/show-head.ts';

export const train = defineFunction({
  name: 'train',
  summary: 'Trains an experiment up to its target, chunk by chunk. The same call goes on after any stop.',
  version: 1,
  kind: 'effect',
  example: { experiment: 'portraits' },
  input: z.strictObject({
    experiment: nameSchema,
    target: z
      .int()
      .positive()
      .max(MOST_SAMPLES)
      .optional()
      .describe('training samples at which to stop; beyond optimizer.total_samples the schedules are stretched'),
    dataset: digestSchema
      .optional()
      .describe('another version of the dataset, to which the experiment moves with its checkpoint: a name or digest'),
  }),
  digests: { dataset: 'dataset' },
  key: ({ experiment, target, dataset }) =>
    [experiment, ...(target === undefined ? [] : [`to ${target}`]), ...(dataset ? [`on ${dataset}`] : [])].join(' '),
  async run(ctx, { experiment: name, target, dataset }) {
    let hasDriven = false;
    const onDrive = () => {
      hasDriven = true;
    };
    try {
      await settleOrigin(ctx.store, name, (await readHead(ctx.store, name)).value);
      if (dataset !== undefined) await moveToDataset(ctx, name, dataset);
      return await trainTo(ctx, name, target, onDrive);
    } catch (error) {
      // A driver has recorded its end itself, while the lease was its own.
      if (!hasDriven) await recordStop(ctx, name, error);
      await showState(ctx, name);
      throw error;
    }
  },
});

/** The view follows a head that failed. Neither matters as much as the failure. */
async function showState(ctx: EffectContext, name: string): Promise<void> {
  try {
    await showHead(viewOf(ctx, name));
  } catch {
    // The store is away or full, or the experiment is gone.
  }
}

async function trainTo(
  ctx: EffectContext,
  name: string,
  target: number | undefined,
  onDrive: () => void,
): Promise<Json> {
  const config = await readConfig(ctx.blobs, (await readHead(ctx.store, name)).value);
  const view = viewOf(ctx, name);
  const { batch_size: batchSize } = config.data;
  const started = await startTraining(ctx, name, batchSize, target);
  const goal = target ?? started.target;
  // What its checkpoints name, and only this call can make again.
  await putKeyedConfig(ctx.blobs, config, started);
  const isPruned = started.state === 'running' || started.superseded.length === 0;
  const isThere = started.checkpoint === undefined || (await isComplete(ctx.blobs, started.checkpoint));
  if (!isAtTarget(started, goal, batchSize) || !isPruned || !isThere) {
    const watch = (holder: string) => watchOther(ctx, name, { holder, goal, batchSize });
    await holdExperiment({ store: ctx.store, signal: ctx.signal, terms: ctx.lease, watch }, name, (signal, holder) => {
      onDrive();
      return driveToEnd(holder, { ctx, signal, view, config });
    });
  }
  const shown = await showHead(view);
  checkEnd(name, shown, goal, batchSize);
  return describeExperiment(view, { head: shown, config: await readConfig(ctx.blobs, shown) });
}

/** Sets the target and the state. An experiment that is at its own target already becomes `done`, also when paused. */
function startTraining(
  ctx: EffectContext,
  name: string,
  batchSize: number,
  target: number | undefined,
): Promise<ExperimentHead> {
  return changeHead(ctx.store, name, head => {
    if (!isAtTarget(head, target ?? head.target, batchSize)) return begin(name, head, target ?? head.target);
    // One that diverged stays so: no call makes more of it than another target, or a branch.
    return head.state === 'done' || head.state === 'failed' ? head : finish(head, batchSize);
  });
}

/**
 * Tells what another server does; true when this call has nothing to wait for any more: its goal is reached, or the
 * other has come to an end. One that died before it had pruned has not.
 * @param goal Samples.
 */
async function watchOther(
  ctx: EffectContext,
  name: string,
  { holder, goal, batchSize }: { readonly holder: string; readonly goal: number; readonly batchSize: number },
): Promise<boolean> {
  const { value: head } = await readHead(ctx.store, name);
  const lastStep = stepsFor(head.target, batchSize);
  ctx.progress({ phase: 'train', done: stepOf(head), total: lastStep, unit: 'steps', message: `driven by ${holder}` });
  if (head.state === 'running') return isAtTarget(head, goal, batchSize);
  return head.superseded.length === 0;
}
