import type { Config } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';

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
