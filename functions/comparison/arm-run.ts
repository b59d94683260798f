/** @file One run of a grid or a sweep: created once, trained to a step, however often it is called. */
import type { ProgressEvent } from '../../configs/progress.ts';
import { type Config, keyedConfig } from '../../configs/schema.ts';
import { type AppError, Conflict, InvalidInput } from '../../errors.ts';
import type { Digest } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { EffectContext } from '../define.ts';
import { findDatasetName } from '../experiments/dataset-name.ts';
import { readHead } from '../experiments/experiment-head.ts';
import type { TrainingEngineRequest } from '../experiments/resolve-engine.ts';
import { isDivergence } from '../experiments/training-health.ts';
import { isAtTarget } from '../experiments/training-state.ts';
import { createExperiment } from '../operations/create-experiment.ts';

export interface Run {
  readonly experiment: string;
  readonly config: Config;
}

/** What all runs of a grid are trained on, and by. */
export interface Ground {
  readonly dataset: Digest;
  /** A name of the dataset. */
  readonly called?: string | undefined;
  readonly engine: TrainingEngineRequest;
}

/**
 * @param grid Name of the grid or sweep.
 * @throws Conflict with the differences if the name belongs to another experiment; InvalidInput naming the run.
 */
export async function createRun(ctx: EffectContext, { experiment, config }: Run, ground: Ground, grid: string) {
  // An earlier preflight of the config is not looked up: the cut is the predicted one.
  const executor = { call: ctx.call, find: async () => undefined };
  try {
    return await createExperiment({ ...ctx, executor }, experiment, { config, ...ground });
  } catch (error) {
    if (error instanceof InvalidInput) throw nameMistake(experiment, error);
    if (!(error instanceof Conflict) || error.details.differences === undefined) throw error;
    throw new Conflict(error.message, {
      expected: 'the dataset, the base, the changes and the steps of the earlier call',
      hint: await adviseOther(ctx, experiment, ground, grid),
      cause: error,
    });
  }
}

/** What to do when the run of an earlier call is another one. */
async function adviseOther({ store }: EffectContext, experiment: string, ground: Ground, grid: string) {
  const { dataset, dataset_name: called } = (await readHead(store, experiment)).value;
  const other = 'another --name begins anew';
  if (dataset === ground.dataset) return `${other}; \`easel delete ${experiment}\` forgets the earlier run`;
  const earlier = (await findDatasetName(store, dataset, called)) ?? dataset;
  return `--dataset ${earlier} --name ${grid} goes on with the earlier pictures; ${other}`;
}

/** The mistake with the name of the arm or the run that has it. */
export function nameMistake(label: string, { message, expected, hint, cause }: AppError): InvalidInput {
  return new InvalidInput(`${label}: ${message}`, {
    ...(expected !== undefined && { expected }),
    ...(hint !== undefined && { hint }),
    cause,
  });
}

/**
 * Trains a run up to a step. One that has diverged stays as it is: it would diverge again.
 * @param steps Absent: to its end. @param place Of the run among others, for progress: `run 3 of 16`.
 * @returns Its head. @throws Conflict if it was paused meanwhile, and what ended the training otherwise.
 */
export async function trainRun(
  ctx: EffectContext,
  { experiment, config }: Run,
  { steps, place }: { readonly steps?: number | undefined; readonly place: string },
): Promise<ExperimentHead> {
  const batch = keyedConfig(config).data.batch_size;
  const read = async () => (await readHead(ctx.store, experiment)).value;
  const before = await read();
  const target = steps === undefined ? before.target : steps * batch;
  if (isDivergence(before.problem) || (steps !== undefined && isAtTarget(before, target, batch))) return before;
  ctx.progress({ phase: 'grid', message: `${place}: ${experiment}` });
  const onEvent = (event: ProgressEvent) => ctx.progress({ ...event, phase: `${experiment} ${event.phase}` });
  try {
    await ctx.callEffect('train', { experiment, ...(steps !== undefined && { target }) }, { onEvent });
  } catch (error) {
    ctx.signal.throwIfAborted();
    const head = await read();
    if (head.state === 'failed' && isDivergence(head.problem)) return head;
    throw error;
  }
  const after = await read();
  if (isAtTarget(after, target, batch)) return after;
  throw new Conflict(`the experiment "${experiment}" was paused before its end`, {
    hint: 'the same call goes on from there',
  });
}
