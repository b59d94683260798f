/**
 * @file Trains an experiment to its target, chunk after chunk, under the lease of the experiment. The head records all
 * progress, so any later call on any server goes on from there. A pause takes effect at the next chunk border.
 */

import { z } from 'zod';
import { MOST_SAMPLES } from '../configs/bounds.ts';
import type { ProgressEvent } from '../configs/progress.ts';
import type { Config } from '../configs/schema.ts';
import { Internal, NotFound } from '../errors.ts';
import { putDocument, readCheckpoint } from '../storage/blobs/document-blobs.ts';
import type { Json } from '../storage/canonical.ts';
import type { Digest } from '../storage/digest.ts';
import type { ExperimentHead, KeptCheckpoint } from '../storage/experiment-record.ts';
import { listKept, listKeptDigests } from '../storage/list-kept.ts';
import { digestSchema, nameSchema, type Result } from '../storage/records.ts';
import type { BlobStore } from '../storage/types.ts';
import { type CallAnswer, defineFunction, type EffectContext } from './define.ts';
import { outputOf } from './execution/output-of.ts';
import type { BorderContext } from './experiments/border/border-step.ts';
import { BORDER_STEPS } from './experiments/border/border-steps.ts';
import { checkMemory } from './experiments/check-memory.ts';
import { nextChunk, type StepRange, stepsFor } from './experiments/chunks.ts';
import { changeHead, keyedAt, readConfig, readHead, stepOf } from './experiments/experiment-head.ts';
import { holdExperiment } from './experiments/experiment-lease.ts';
import { extensionsUpTo, recordExtension } from './experiments/extension.ts';
import { isComplete, pruneCheckpoint, requireBranchPoint } from './experiments/kept-checkpoints.ts';
import { checkUnmoved, moveHead } from './experiments/move-head.ts';
import { beginsDataset, formerAt, moveToDataset } from './experiments/move-to-dataset.ts';
import { readLog } from './experiments/step-log.ts';
import { findDivergence, summarizeSteps } from './experiments/training-health.ts';
import { begin, checkEnd, fail, finish, isAtTarget, recordStop } from './experiments/training-state.ts';
import { tuneEngine } from './experiments/tune-engine.ts';
import {
  type Chunk,
  deleteCheckpointFile,
  describeExperiment,
  type ViewTarget,
  viewOf,
} from './views/experiment-view.ts';
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

interface Drive {
  readonly ctx: EffectContext;
  /** Aborts with the call, and when the lease is lost. */
  readonly signal: AbortSignal;
  readonly view: ViewTarget;
  readonly config: Config;
}

/** Records the end of the training while no other can take it up, so that all who wait for it hear the same. */
async function driveToEnd(holder: string, run: Drive): Promise<void> {
  const { ctx, signal, view } = run;
  try {
    await drive(run);
  } catch (error) {
    const isHolder = ctx.signal.aborted || !signal.aborted;
    if (isHolder) await recordStop(ctx, view.name, error, holder);
    throw error;
  }
}

async function drive(started: Drive): Promise<void> {
  const { ctx, signal, view } = started;
  let run = started;
  let healedAt: number | undefined;
  // Of a driver that was killed when it had moved the head and shown nothing of it.
  const shown = await showHead(view);
  if (shown.checkpoint !== undefined && !(await isComplete(ctx.blobs, shown.checkpoint))) await fallBack(run, shown);
  if (shown.state === 'running') await checkMemory(ctx.runner, shown.engine, run.config);
  for (;;) {
    signal.throwIfAborted();
    const pruned = await pruneSuperseded(run);
    if (pruned.state !== 'running') return;
    // Keys that decide no bits may have changed.
    run = { ...run, config: await readConfig(ctx.blobs, pruned) };
    const { config } = run;
    const tuning = { ctx, signal, name: view.name, config: keyedAt(config, pruned) };
    const tuned = await tuneEngine(tuning, pruned);
    const head = await recordExtension(ctx, view.name, tuned, config);
    const step = stepOf(head);
    const lastStep = stepsFor(head.target, config.data.batch_size);
    ctx.progress({ phase: 'train', done: step, total: lastStep, unit: 'steps' });
    const range = nextChunk(step, config.run.chunk_steps, lastStep);
    try {
      if (range) await trainChunk(run, head, range);
      else await changeHead(ctx.store, view.name, now => end(run, now));
    } catch (error) {
      if (signal.aborted) throw error;
      // Whoever moved it on may have pruned what this driver was working from, or what it had just made.
      const now = await checkUnmoved(ctx, view.name, head);
      // Once per step: what goes missing again and again is no accident.
      if (!(error instanceof NotFound) || healedAt === step || !(await fallBack(run, now))) throw error;
      healedAt = step;
      continue;
    }
    // Only now: the head was moved by this driver itself.
    await showHead(view);
  }
}

/** One chunk: train, the steps of the border, and the head, which makes it count. */
async function trainChunk(run: Drive, head: ExperimentHead, range: StepRange): Promise<void> {
  const { ctx, view } = run;
  const answer = await callTrainChunk(run, head, range);
  const checkpoint = outputOf(answer.result, 'checkpoint');
  const to = endOf(answer.result);
  const chunk: Chunk = {
    from: range.from,
    to,
    log: outputOf(answer.result, 'log'),
    ...summarizeSteps(await readLog(ctx.blobs, outputOf(answer.result, 'log'))),
    // A chunk that a shutdown cut short ends at no border.
    artifacts: to === range.to ? await runBorderSteps(run, head, to, checkpoint) : {},
  };
  const kept = { step: chunk.to, checkpoint, result: answer.action };
  const advance = (now: ExperimentHead) => {
    const history = [...now.history, kept];
    const over = Math.max(0, history.length - (run.config.run.keep + 1));
    const moved = { ...now, checkpoint, history: history.slice(over), chunks: [...now.chunks, chunk] };
    const stays = new Set(listKeptDigests(moved));
    const gone = history.slice(0, over).filter(each => !stays.has(each.checkpoint));
    return end(run, { ...moved, superseded: [...now.superseded, ...gone] });
  };
  await moveHead(ctx, view.name, head, advance, checkpoint);
}

/** Done, if it is at its target by now and nobody paused it; failed, if it learns nothing any more. */
function end({ ctx, view, config }: Drive, head: ExperimentHead): ExperimentHead {
  if (head.state !== 'running') return head;
  const problem = findDivergence(view.name, head, config);
  return problem ? fail(head, problem, ctx.now()) : finish(head, config.data.batch_size);
}

async function callTrainChunk(run: Drive, head: ExperimentHead, range: StepRange): Promise<CallAnswer> {
  const { ctx, signal } = run;
  const config = await putKeyedConfig(ctx.blobs, run.config, head);
  const parent = head.checkpoint && (await readCheckpoint(ctx.blobs, head.checkpoint));
  const body: Json = {
    config,
    ...(head.checkpoint && { parent: head.checkpoint }),
    ...(parent && parent.config !== config && { parent_config: parent.config }),
    dataset: head.dataset,
    ...range,
    ...(head.checkpoint && beginsDataset(head, range.from) && { new_epoch: true }),
    engine: head.engine,
    plan: head.plan,
  };
  const options = { signal, onEvent: tellWhole(run, head) };
  const answer = await ctx.call('train-chunk', body, options);
  if (answer.cache === 'miss' || (await isComplete(ctx.blobs, outputOf(answer.result, 'checkpoint')))) return answer;
  return ctx.call('train-chunk', body, { ...options, skipCache: true });
}

/** The steps of the border that are due, one after the other. @returns The artifact of each. */
async function runBorderSteps(
  { ctx, signal, config }: Drive,
  head: ExperimentHead,
  step: number,
  checkpoint: Digest,
): Promise<Chunk['artifacts']> {
  const call: BorderContext['call'] = (name, body) => ctx.call(name, body, { signal });
  const border: BorderContext = { head, config, step, blobs: ctx.blobs, call };
  const artifacts: Record<string, Digest> = {};
  for (const { name, due, run } of BORDER_STEPS) {
    if (due(border)) artifacts[name] = await run(border, checkpoint);
  }
  return artifacts;
}

async function putKeyedConfig(blobs: BlobStore, config: Config, head: ExperimentHead): Promise<Digest> {
  return (await putDocument(blobs, keyedAt(config, head))).digest;
}

/** The steps of a chunk as steps of the whole run. */
function tellWhole({ ctx, config }: Drive, head: ExperimentHead): (event: ProgressEvent) => void {
  const total = stepsFor(head.target, config.data.batch_size);
  return event => ctx.progress(event.phase === 'train' && event.unit === 'steps' ? { ...event, total } : event);
}

/** Deletes what left the history. Killed in between, the next call goes on. */
async function pruneSuperseded({ ctx, view }: Drive): Promise<ExperimentHead> {
  const { value: head } = await readHead(ctx.store, view.name);
  if (head.superseded.length === 0) return head;
  for (const gone of head.superseded) {
    await deleteCheckpointFile(view, gone);
    await pruneCheckpoint(ctx.store, ctx.blobs, gone);
  }
  const pruned = new Set(head.superseded.map(gone => gone.result));
  return changeHead(ctx.store, view.name, now => ({
    ...now,
    superseded: now.superseded.filter(gone => !pruned.has(gone.result)),
  }));
}

/**
 * Goes back to the newest complete checkpoint, or to the start, if a checkpoint lost blobs. Training again gives the
 * same bits. The start of a branch is the checkpoint at which it began.
 * @returns False if all checkpoints are complete, so that another blob is missing: the dataset or the config.
 */
async function fallBack({ ctx, view, config }: Drive, head: ExperimentHead): Promise<boolean> {
  const newest = await findWhole(ctx.blobs, head);
  if (newest?.checkpoint === head.checkpoint) return false;
  if (newest === undefined) await requireBranchPoint(ctx.blobs, view.name, head);
  ctx.progress({ phase: 'train', message: `a checkpoint is incomplete: going back to step ${newest?.step ?? 0}` });
  const history = newest ? [...head.history.filter(({ step }) => step < newest.step), newest] : [];
  await moveHead(ctx, view.name, head, now => {
    const { checkpoint: _, former_datasets: __, extended: ___, ...rest } = now;
    return {
      ...rest,
      ...formerAt(now, newest?.step ?? 0),
      ...extensionsUpTo((newest?.step ?? 0) * config.data.batch_size, now),
      ...(newest && { checkpoint: newest.checkpoint }),
      history,
      chunks: now.chunks.filter(chunk => chunk.to <= (newest?.step ?? 0)),
      state: now.state === 'done' ? 'running' : now.state,
    };
  });
  return true;
}

/** The newest checkpoint that is kept and has all its blobs. */
async function findWhole(blobs: BlobStore, head: ExperimentHead): Promise<KeptCheckpoint | undefined> {
  for (const kept of listKept(head).toReversed()) {
    if (kept.step <= stepOf(head) && (await isComplete(blobs, kept.checkpoint))) return kept;
  }
  return undefined;
}

/** Smaller than asked when a shutdown cut the chunk short. */
function endOf(result: Result): number {
  const { to } = result.action.params;
  if (typeof to === 'number') return to;
  throw new Internal('a train-chunk result without its step range');
}
