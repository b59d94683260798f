/** @file Drives a training under the lease of its experiment: chunk after chunk, until it stands at its target. */
import { NotFound } from '../../errors.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { checkMemory } from '../experiments/check-memory.ts';
import { nextChunk, stepsFor } from '../experiments/chunks.ts';
import { changeHead, keyedAt, readConfig, stepOf } from '../experiments/experiment-head.ts';
import { recordExtension } from '../experiments/extension.ts';
import { isComplete } from '../experiments/kept-checkpoints.ts';
import { checkUnmoved } from '../experiments/move-head.ts';
import { recordStop } from '../experiments/training-state.ts';
import { tuneEngine } from '../experiments/tune-engine.ts';
import { recordDataset } from '../provenance/record-dataset.ts';
import { showDescendants } from '../views/show-descendants.ts';
import { showHead } from '../views/show-head.ts';
import { end, trainChunk } from './advance.ts';
import type { Drive } from './context.ts';
import { fallBack, pruneSuperseded } from './go-back.ts';
import { ChunkOutOfMemory, lowerMicroBatch } from './lower-micro-batch.ts';

/** Records the end of the training while no other can take it up, so that all who wait for it hear the same. */
export async function driveToEnd(holder: string, run: Drive): Promise<void> {
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
  const shown = await show(run);
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
    const extended = await recordExtension(ctx, view.name, tuned, config);
    const head = await recordDataset({ store: ctx.store, blobs: ctx.blobs, signal }, view.name, extended);
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
      if (error instanceof ChunkOutOfMemory && (await lowerMicroBatch(run, now, error))) continue;
      // Once per step: what goes missing again and again is no accident.
      if (!(error instanceof NotFound) || healedAt === step || !(await fallBack(run, now))) throw error;
      healedAt = step;
      continue;
    }
    // Only now: the head was moved by this driver itself.
    await show(run);
  }
}

/** The view, and those of runs that go on from this one, if the newest check tells of copies. */
async function show({ ctx, view }: Drive): Promise<ExperimentHead> {
  const head = await showHead(view);
  if (head.memorizing?.step === stepOf(head)) await showDescendants(ctx, view.name);
  return head;
}
