/**
 * @file Whether a training can fit into the memory that the gpu-runner could take now, before its first step. Only a
 * bound decides, which true memory lies above: what fits is never refused.
 */
import { isOnCpu } from '../../configs/engines.ts';
import { gibibytes } from '../../configs/gibibytes.ts';
import { leastTrainingBytes } from '../../configs/model-size.ts';
import type { Config } from '../../configs/schema.ts';
import { AppError, Busy, Unprocessable } from '../../errors.ts';
import type { RunnerClient } from '../../gpu-runner/protocol.ts';
import type { EngineSpec } from '../../storage/records.ts';
import { frameOf, offerPreset } from './fit.ts';

/**
 * Checks nothing if no gpu-runner answers: the job waits for one.
 * @throws Unprocessable if the training needs more than the gpu-runner may have, Busy if more than is free now.
 */
export async function checkMemory(runner: RunnerClient, engine: EngineSpec, config: Config): Promise<void> {
  const status = await runner.status().catch(error => {
    if (error instanceof AppError && error.retryable) return undefined;
    throw error;
  });
  const found = status?.engines.find(({ name }) => name === engine.name);
  const memory = isOnCpu(engine.name) ? status?.memory : undefined;
  const limit = memory?.limit_bytes ?? found?.memory_bytes ?? Number.POSITIVE_INFINITY;
  const free = memory?.free_bytes ?? limit;
  const least = leastTrainingBytes(config, frameOf(config));
  if (least <= Math.min(limit, free)) return;
  const needs = `the training needs at least ${gibibytes(least)}`;
  if (least > limit) {
    const offers = await offerPreset(config, limit);
    throw new Unprocessable(`${needs}, and the gpu-runner may have ${gibibytes(limit)}`, {
      expected: `a training of at most ${gibibytes(limit)}`,
      hint: [...offers, '`easel preflight` shows what fits'].join('; '),
    });
  }
  throw new Busy(`${needs}, and ${gibibytes(free)} of ${gibibytes(limit)} are free`, {
    expected: `${gibibytes(least)} of free memory`,
    hint: 'end other programs, then send the same call again',
  });
}
