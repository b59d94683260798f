import type { Config } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';
import { stepsFor } from './chunks.ts';

/** Samples at which a run of the config is done. */
export function targetOf({ run, optimizer }: Config): number {
  return run.target ?? optimizer.total_samples;
}

/** @throws Unprocessable if the target of the config lies beyond its schedules. */
export function checkTarget(config: Config): void {
  const { total_samples } = config.optimizer;
  const target = targetOf(config);
  if (target <= total_samples) return;
  throw new Unprocessable(`run.target ${target} lies beyond optimizer.total_samples`, {
    expected: `at most ${total_samples}`,
    hint: 'raise optimizer.total_samples, over which the schedules run',
  });
}

/**
 * Checks that a training up to the target can begin at the step. It may be the last step of that training.
 * @param target Samples. @throws Unprocessable naming the samples of both.
 */
export function checkAhead(target: number, step: number, batchSize: number): void {
  if (step <= stepsFor(target, batchSize)) return;
  const samples = step * batchSize;
  throw new Unprocessable(
    `the target of ${target} samples lies behind the checkpoint of step ${step}, which has seen ${samples} samples`,
    { expected: `a target of at least ${samples}`, hint: 'raise the target, or begin at an earlier checkpoint' },
  );
}
