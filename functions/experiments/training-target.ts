import type { Config } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';

/** Samples at which a run of the config is done. @throws Unprocessable when that lies beyond the schedules. */
export function targetOf({ run, optimizer: { total_samples } }: Config): number {
  const { target = total_samples } = run;
  if (target <= total_samples) return target;
  throw new Unprocessable(`run.target ${target} lies beyond optimizer.total_samples`, {
    expected: `at most ${total_samples}`,
    hint: 'raise optimizer.total_samples, over which the schedules run',
  });
}
