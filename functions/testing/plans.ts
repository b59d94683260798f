/** @file Plans of a gpu-runner without a compiler: memory is affine in the micro-batch. */
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import type { PlanJob } from '../../gpu-runner/protocol.ts';

const GB = 2 ** 30;

/** 1 GB for the state and 1 GB for each sample of a micro-batch of 1, 2, 4 or 8; a tenth with checkpointing. */
export function fakePlan(job: PlanJob): MemoryPlan {
  const budget = job.memory_bytes - job.reserve_bytes;
  const sizes = job.micro_batch === undefined ? [8, 4, 2, 1] : [job.micro_batch];
  const modes = job.gradient_checkpointing === undefined ? [false, true] : [job.gradient_checkpointing];
  const cuts = modes.flatMap(gradient_checkpointing =>
    sizes.map(micro_batch => ({
      micro_batch,
      gradient_checkpointing,
      bytes: Math.round(GB * (1 + micro_batch * (gradient_checkpointing ? 0.1 : 1))),
    })),
  );
  const found = cuts.find(({ bytes }) => bytes <= budget);
  const { bytes, ...cut } = found ?? cuts.at(-1) ?? { bytes: 0, micro_batch: 1, gradient_checkpointing: false };
  return {
    v: 1,
    kind: 'memory-plan',
    basis: 'predicted',
    compiler: job.version,
    parameters: 1000,
    device: { memory_bytes: job.memory_bytes, reserve_bytes: job.reserve_bytes },
    plan: cut,
    fits: found !== undefined,
    peak: {
      training_bytes: bytes,
      state_bytes: GB,
      checkpoint_bytes: GB / 2,
      preview_bytes: GB,
      sampling_bytes: GB / 4,
    },
    flops: { forward: 1e9, sample: 3e9, executed: cut.gradient_checkpointing ? 4e9 : 3e9, update: 1e9 },
    moved: { micro_batch: 1e6 * cut.micro_batch, update: 1e6 },
    tried: [{ ...cut, training_bytes: bytes, fits: found !== undefined }],
  };
}
