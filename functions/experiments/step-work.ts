/** @file What an update of a training computes. */
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import type { Config } from '../../configs/schema.ts';
import type { StepWork } from '../../configs/step-time.ts';
import { trainingFlops } from '../../configs/training-flops.ts';
import { frameOf } from './fit.ts';

/** By the graphs of the memory plan; without a plan by formula, which leaves the optimizer out. */
export function stepWork(config: Config, plan: MemoryPlan | undefined): StepWork {
  const { batch_size } = config.data;
  if (plan === undefined) return { flops: batch_size * trainingFlops(config, frameOf(config)) };
  const { flops, moved, plan: cut } = plan;
  return {
    flops: batch_size * flops.executed + flops.update,
    ...(moved && { movedBytes: (batch_size / cut.micro_batch) * moved.micro_batch + moved.update }),
  };
}
