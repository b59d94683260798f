/** @file What a run of a grid cost and reached, read from its head and the logs of its chunks. */
import type { GridResult } from '../../configs/grid.ts';
import type { Chunk } from '../../storage/chunk-record.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { EffectContext } from '../define.ts';
import { readChunks } from '../experiments/chunk-pages.ts';
import { readConfig, stepOf } from '../experiments/experiment-head.ts';
import { findTarget, planBody, readPlan } from '../experiments/memory-request.ts';
import { flowLossOf, readLog } from '../experiments/step-log.ts';
import { readMetrics } from '../views/metrics.ts';
import { energyOf, memoryOf, processorSecondsOf, secondsOf } from './chunk-costs.ts';

type GridRun = Omit<GridResult['runs'][number], 'arm' | 'seed' | 'experiment'>;

/** The last loss is a mean over this share of the steps. */
const TAIL = 0.1;
const GB = 1e9;
/** Of the flow-matching loss on held-out pictures, which `run.validation` measures. */
const HELD_OUT_LOSS = 'validation/flow_loss';

export async function recordRun(blobs: BlobStore, head: ExperimentHead): Promise<GridRun> {
  const { data } = await readConfig(blobs, head);
  const { state, problem } = head;
  const chunks = await readChunks(blobs, head);
  const steps = stepOf(head);
  const seconds = secondsOf(chunks);
  const processorSeconds = processorSecondsOf(chunks);
  const memory = memoryOf(chunks);
  const energy = energyOf(chunks);
  const losses = await readTail(blobs, chunks, Math.floor(steps * (1 - TAIL)));
  const heldOut = await readHeldOutLoss(blobs, chunks);
  return {
    state,
    ...(problem && { problem: problem.text }),
    steps,
    samples: steps * data.batch_size,
    ...(seconds !== undefined && { seconds, steps_per_second: steps / seconds }),
    ...(processorSeconds !== undefined && { processor_seconds: processorSeconds }),
    ...(energy !== undefined && { energy_kwh: energy }),
    ...(memory !== undefined && { memory_gb: memory }),
    ...(losses.length > 0 && { loss: losses.reduce((sum, loss) => sum + loss, 0) / losses.length }),
    ...(heldOut !== undefined && { held_out_loss: heldOut }),
  };
}

/** Finite losses of the steps behind `after`. */
async function readTail(blobs: BlobStore, chunks: readonly Chunk[], after: number): Promise<number[]> {
  const losses: number[] = [];
  for (const { log } of chunks.filter(({ to }) => to > after)) {
    const rows = (await readLog(blobs, log)).filter(({ step }) => step > after);
    losses.push(...rows.flatMap(row => flowLossOf(row) ?? []));
  }
  return losses;
}

/** The newest one. @returns Undefined if it was not measured, or not finite. */
async function readHeldOutLoss(blobs: BlobStore, chunks: readonly Chunk[]): Promise<number | undefined> {
  for (const chunk of chunks.toReversed()) {
    const loss = await heldOutLossOf(blobs, chunk);
    if (loss !== undefined) return loss;
  }
  return undefined;
}

/**
 * The loss on held-out pictures at a step. A run that another call trained further may have no border there: then it
 * is read off the line between the borders beside it, over the logarithm of the step; before the first border, it is
 * that of the first.
 * @returns Undefined if the run did not come to this step, or the loss was not measured or not finite.
 */
export async function heldOutLossAt(
  blobs: BlobStore,
  chunks: readonly Chunk[],
  step: number,
): Promise<number | undefined> {
  const next = chunks.find(({ to }) => to >= step);
  if (next === undefined) return undefined;
  const after = await heldOutLossOf(blobs, next);
  const last = chunks.findLast(({ to }) => to < step);
  if (next.to === step || last === undefined || after === undefined) return after;
  const before = await heldOutLossOf(blobs, last);
  if (before === undefined) return after;
  const share = Math.log(step / last.to) / Math.log(next.to / last.to);
  return before + share * (after - before);
}

async function heldOutLossOf(blobs: BlobStore, chunk: Chunk): Promise<number | undefined> {
  const { series } = await readMetrics(blobs, [chunk], chunk.to - 1, 1);
  const loss = series[HELD_OUT_LOSS]?.at(-1);
  return typeof loss === 'number' ? loss : undefined;
}

/** The speed of the last chunk, in steps per second. */
export function lastSpeed({ chunks }: ExperimentHead): number | undefined {
  return chunks.at(-1)?.metrics?.['sys/iter_per_sec'];
}

/**
 * Peak memory of the training as the engine plans it. A process that trains several runs keeps what the largest took,
 * so that this number tells runs apart where resident memory does not.
 * @returns GB, or undefined where the gpu-runner does not know the memory of its device.
 */
export async function planMemoryOf(ctx: EffectContext, head: ExperimentHead): Promise<number | undefined> {
  const target = findTarget(await ctx.runner.status(), head.engine);
  if (target === undefined) return undefined;
  const body = await planBody(ctx.blobs, await readConfig(ctx.blobs, head), target, head.plan);
  const plan = await readPlan(ctx.blobs, (await ctx.call('plan-memory', { ...body, quick: true })).result);
  return plan.peak.training_bytes / GB;
}
