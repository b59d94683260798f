/** @file The speed of an engine, as measured by the trainings in the store. */
import { z } from 'zod';
import { trainingFlops } from '../../configs/training-flops.ts';
import { createActionCache } from '../../storage/action-cache.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { BlobStore, ObjectStore } from '../../storage/types.ts';
import { listHeads, readConfig } from './experiment-head.ts';
import { frameOf } from './fit.ts';

export interface MeasuredSpeed {
  readonly experiment: string;
  /** Operations of training by formula, so that it holds for other sizes, too. */
  readonly flopsPerSecond: number;
}

const statsSchema = z.looseObject({ samples_per_second: z.number().positive() });

/** The fastest last chunk of all experiments on an equal engine; undefined if there is none. */
export async function findMeasuredSpeed(
  store: ObjectStore,
  blobs: BlobStore,
  engine: EngineSpec,
): Promise<MeasuredSpeed | undefined> {
  const cache = createActionCache(store);
  const isEqual = (other: EngineSpec) =>
    other.name === engine.name && other.precision === engine.precision && other.threads === engine.threads;
  const speeds: MeasuredSpeed[] = [];
  for (const { name, head } of await listHeads(store)) {
    const newest = head.history.at(-1);
    if (newest === undefined || !isEqual(head.engine)) continue;
    const stored = await cache.get('train-chunk', newest.result);
    const stats = statsSchema.safeParse(stored?.result.stats).data;
    if (stats === undefined) continue;
    const config = await readConfig(blobs, head);
    const flops = trainingFlops(config, frameOf(config), (newest.step - 1) * config.data.batch_size);
    speeds.push({ experiment: name, flopsPerSecond: stats.samples_per_second * flops });
  }
  return speeds.toSorted((a, b) => b.flopsPerSecond - a.flopsPerSecond)[0];
}
