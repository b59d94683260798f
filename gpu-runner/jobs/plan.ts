/** @file The job `plan`: plans memory in a process of its own, beside the job that uses the device. */
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import { Cancelled, Internal } from '../../errors.ts';
import { rebuildError } from '../../errors-wire.ts';
import { putDocument, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import { forkChild } from '../child/fork-child.ts';
import type { PlanMessage, PlanReply } from '../planning/plan-process.ts';
import { breatheUntil } from './breathe-until.ts';
import type { JobContext, JobHandler } from './context.ts';

const PLAN_PROCESS = new URL('../planning/plan-process.ts', import.meta.url);

export function createPlanJob(): JobHandler<'plan'> {
  return async (ctx, job) => {
    const { engine, card, version, text_tokens: textTokens, width, height, previews } = job;
    const { micro_batch, gradient_checkpointing } = job;
    const message: PlanMessage = {
      request: {
        config: await readKeyedConfig(ctx.blobs, job.config),
        frame: { width, height, textTokens },
        previews,
        memoryBytes: job.memory_bytes,
        reserveBytes: job.reserve_bytes,
        largestMicroBatch: job.largest_micro_batch,
        asked: {
          ...(micro_batch !== undefined && { micro_batch }),
          ...(gradient_checkpointing !== undefined && { gradient_checkpointing }),
        },
      },
      engine,
      compiler: version,
      ...(card !== undefined && { card }),
      ...(job.quick !== undefined && { quick: job.quick }),
    };
    const started = performance.now();
    const plan = await planInProcess(ctx, message);
    const ref = await putDocument(ctx.blobs, plan);
    return { outputs: { plan: ref }, links: [], stats: { seconds: (performance.now() - started) / 1000 } };
  };
}

/** @throws the error of the planner; Cancelled; Internal when the process ends without an answer. */
async function planInProcess(ctx: JobContext, message: PlanMessage): Promise<MemoryPlan> {
  let answer: Exclude<PlanReply, { readonly type: 'progress' }> | undefined;
  const child = forkChild({
    program: PLAN_PROCESS,
    name: 'the process that plans memory',
    task: message,
    onMessage(reply) {
      const told = reply as PlanReply;
      if (told.type === 'progress') ctx.progress(told.event);
      else answer = told;
    },
  });
  try {
    const end = await breatheUntil(ctx, child.ended);
    if (end === 'stop') throw new Cancelled('the gpu-runner stops');
    if (answer === undefined) throw new Internal(end.text);
    if (answer.type === 'failed') throw rebuildError(answer.error);
    return answer.plan;
  } finally {
    child.kill();
  }
}
