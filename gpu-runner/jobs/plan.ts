/** @file The job `plan`: plans memory in a process of its own, beside the job that uses the device. */
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import { Cancelled, Internal } from '../../errors.ts';
import { rebuildError } from '../../errors-wire.ts';
import { putDocument, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import type { PlanMessage, PlanReply } from '../planning/plan-process.ts';
import type { JobContext, JobHandler } from './context.ts';

const PLAN_PROCESS = new URL('../planning/plan-process.ts', import.meta.url);
/** Between two breaths. */
const BREATH_MS = 200;
const STDERR_CHARACTERS = 600;

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
  const child = fork(PLAN_PROCESS, { execArgv: [], stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  let stderr = '';
  child.stderr?.on('data', chunk => {
    stderr = `${stderr}${chunk}`.slice(-STDERR_CHARACTERS);
  });
  let hasEnded = false;
  const answered = new Promise<MemoryPlan>((resolve, reject) => {
    child.on('message', reply => {
      const told = reply as PlanReply;
      if (told.type === 'progress') ctx.progress(told.event);
      else if (told.type === 'done') resolve(told.plan);
      else reject(rebuildError(told.error));
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const said = stderr.trim();
      const end = signal === null ? `with status ${code}` : `by ${signal}`;
      reject(new Internal(`the process that plans memory ended ${end}${said && `: ${said}`}`));
    });
  }).finally(() => {
    hasEnded = true;
  });
  // The loop below throws its own error first when the job is cancelled.
  answered.catch(() => {});
  child.send(message);
  try {
    while (!hasEnded) {
      if ((await ctx.breathe()) === 'stop') throw new Cancelled('the gpu-runner stops');
      await Promise.race([answered.catch(() => {}), sleep(BREATH_MS)]);
    }
    return await answered;
  } finally {
    child.kill('SIGKILL');
  }
}
