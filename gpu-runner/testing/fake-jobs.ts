/** @file Jobs for the fake runner. */
import { samplingSchema } from '../../configs/sampling.ts';
import { digestOf } from '../../storage/digest.ts';
import type { PlanJob, SampleJob, TrainChunkJob } from '../protocol.ts';

const engine = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 } as const;

export function fakeChunk(from: number, to: number, parent?: TrainChunkJob['parent']): TrainChunkJob {
  return {
    kind: 'train-chunk',
    config: digestOf('config'),
    ...(parent === undefined ? {} : { parent }),
    dataset: digestOf('dataset'),
    from,
    to,
    engine,
    plan: { micro_batch: 1, gradient_checkpointing: false },
  };
}

export function fakeSample(seed: number, steps = 2): SampleJob {
  return {
    kind: 'sample',
    network: { checkpoint: digestOf('checkpoint'), weights: 'ema' },
    conditions: digestOf('conditions'),
    width: 8,
    height: 8,
    ...samplingSchema.parse({ steps, guidance: 1, seed }),
    first: 0,
    engine,
  };
}

export function fakePlan(): PlanJob {
  return {
    kind: 'plan',
    config: digestOf('config'),
    width: 8,
    height: 8,
    text_tokens: 8,
    previews: 1,
    engine: { name: engine.name, precision: engine.precision },
    version: '1',
    memory_bytes: 2 ** 30,
    reserve_bytes: 0,
    largest_micro_batch: 64,
  };
}

/** The checkpoint that a fake chunk of steps [0, to) stores. */
export function fakeCheckpoint(to: number): string {
  return Array.from({ length: to }, (_, step) => `${step},`).join('');
}
