/** @file The warm-up of a new experiment: it leaves time at the full rate. */
import { longestWarmup } from '../../configs/learning-rate.ts';
import type { Config } from '../../configs/schema.ts';
import { Unprocessable } from '../../errors.ts';

/** A config as people write it: the name of a preset, or keys. */
type Written = string | Readonly<Record<string, unknown>>;

/**
 * The config with a warm-up that its run has time for. A preset that is shortened gets a shorter one.
 * @throws Unprocessable if the config states a warm-up that is too long.
 */
export function fitWarmup(config: Config, written: Written): Config {
  const { warmup_samples, total_samples } = config.optimizer;
  const most = longestWarmup(config.optimizer);
  if (warmup_samples <= most) return config;
  if (!statesWarmup(written)) return { ...config, optimizer: { ...config.optimizer, warmup_samples: most } };
  throw new Unprocessable(
    `optimizer.warmup_samples ${warmup_samples} leaves a run of ${total_samples} samples no time at its full rate`,
    {
      expected: `at most ${most}: half of the samples before the decay, or a tenth of the run`,
      hint: 'leave optimizer.warmup_samples out, or raise optimizer.total_samples',
    },
  );
}

function statesWarmup(written: Written): boolean {
  const optimizer: unknown = typeof written === 'string' ? undefined : written.optimizer;
  return typeof optimizer === 'object' && optimizer !== null && 'warmup_samples' in optimizer;
}
