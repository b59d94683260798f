/** @file Whether a config names parameters that the model has. The gpu-runner knows their names: it plans the model. */
import { MOST_MEMORY } from '../../configs/bounds.ts';
import type { Config } from '../../configs/schema.ts';
import type { RunnerStatus } from '../../gpu-runner/protocol.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { FitContext } from './fit.ts';
import { findTarget, planBody } from './memory-request.ts';

/** The cheapest plan: only its mistakes are of interest. */
const LEAST = { micro_batch: 1, gradient_checkpointing: false } as const;

/**
 * Asks the gpu-runner, beside its job, in seconds. Does nothing for a config without patterns.
 * @throws Unprocessable for a pattern that matches no parameter, and when none is left to train.
 */
export async function checkPatterns(
  { blobs, executor }: FitContext,
  status: RunnerStatus,
  config: Config,
  engine: EngineSpec,
): Promise<void> {
  const patterns = [...(config.optimizer.freeze ?? []), ...(config.model.lora?.targets ?? [])];
  if (executor === undefined || patterns.length === 0) return;
  const target = findTarget(status, engine) ?? findTarget(status, engine, { memoryBytes: MOST_MEMORY });
  if (target === undefined) return;
  await executor.call('plan-memory', { ...(await planBody(blobs, config, target, LEAST)), quick: true });
}
