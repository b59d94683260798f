/** @file The speed of an engine, as measured by the trainings in the store. */
import { z } from 'zod';
import type { Config } from '../../configs/schema.ts';
import type { MeasuredStep } from '../../configs/step-time.ts';
import { trainingFlops } from '../../configs/training-flops.ts';
import { AppError } from '../../errors.ts';
import { createActionCache } from '../../storage/action-cache.ts';
import type { EngineSpec, TrainingPlan } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import type { EffectContext } from '../define.ts';
import { listHeads, readConfig } from './experiment-head.ts';
import { frameOf } from './fit.ts';
import { planBody, readPlan, type Target } from './memory-request.ts';
import { stepWork } from './step-work.ts';

export interface MeasuredSpeed {
  readonly experiment: string;
  /** An update of that experiment. */
  readonly step: MeasuredStep;
}

const statsSchema = z.looseObject({
  samples_per_second: z.number().positive(),
  product_operations_per_second: z.number().positive().optional(),
});

/** The fastest last chunk of all experiments on an equal engine; undefined if there is none. */
export async function findMeasuredSpeed(
  ctx: EffectContext,
  engine: EngineSpec,
  target: Target | undefined,
): Promise<MeasuredSpeed | undefined> {
  const fastest = await findFastest(ctx.store, ctx.blobs, engine);
  if (fastest === undefined) return undefined;
  const { name, head, config, stats } = fastest;
  const plan = target && (await planOf(ctx, config, target, head.plan));
  return {
    experiment: name,
    step: {
      ...stepWork(config, plan),
      seconds: config.data.batch_size / stats.samples_per_second,
      productFlopsPerSecond: stats.product_operations_per_second,
    },
  };
}

/** The programs of the experiment; undefined where they cannot be planned. */
async function planOf(ctx: EffectContext, config: Config, target: Target, cut: TrainingPlan) {
  try {
    const body = { ...(await planBody(ctx.blobs, config, target, cut)), quick: true };
    return await readPlan(ctx.blobs, (await ctx.call('plan-memory', body)).result);
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

async function findFastest(store: ObjectStore, blobs: BlobStore, engine: EngineSpec) {
  const cache = createActionCache(store);
  const isEqual = (other: EngineSpec) =>
    other.name === engine.name && other.precision === engine.precision && other.threads === engine.threads;
  const found = [];
  for (const { name, head } of await listHeads(store)) {
    const newest = head.history.at(-1);
    if (newest === undefined || !isEqual(head.engine)) continue;
    const stored = await cache.get('train-chunk', newest.result);
    const stats = statsSchema.safeParse(stored?.result.stats).data;
    if (stats === undefined) continue;
    const config = await readConfig(blobs, head);
    const flops = trainingFlops(config, frameOf(config), (newest.step - 1) * config.data.batch_size);
    found.push({ name, head, config, stats, flopsPerSecond: stats.samples_per_second * flops });
  }
  return found.toSorted((a, b) => b.flopsPerSecond - a.flopsPerSecond)[0];
}
