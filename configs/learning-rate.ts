/** @file The learning rate of each update of a run. */
import type { OptimizerConfig } from './optimizer.ts';

/** Samples [first, end) of an update. */
export interface UpdateRange {
  readonly first: number;
  readonly end: number;
}

/**
 * Learning rate of an update. The schedule counts the samples before it, so that the last update of a run has a rate
 * above the smallest one. The warm-up counts its own samples too, so that the first update has a rate above 0. Where a
 * run was extended, the rate rises from what it was there, as long as a warm-up takes.
 */
export function learningRateAt({ first, end }: UpdateRange, config: OptimizerConfig): number {
  const { learning_rate: peak, warmup_samples: warmup, extended = [] } = config;
  const rise = (start: number, from: number) =>
    end - start < warmup ? from + (peak - from) * ((end - start) / warmup) : peak;
  const border = extended.findLast(({ at }) => at <= first);
  return Math.min(scheduledRate(first, config), rise(0, 0), border ? rise(border.at, border.learning_rate) : peak);
}

/** The rate after `samples` seen, without a warm-up. */
function scheduledRate(samples: number, config: OptimizerConfig): number {
  const { learning_rate: peak, min_learning_rate: floor, total_samples: total, warmup_samples: warmup } = config;
  switch (config.schedule) {
    case 'constant':
      return peak;
    case 'cosine': {
      const done = Math.min(1, Math.max(0, samples - warmup) / Math.max(1, total - warmup));
      return floor + ((peak - floor) / 2) * (1 + Math.cos(Math.PI * done));
    }
    case 'wsd': {
      const start = total * (1 - config.decay_share);
      const decayed = samples <= start ? 0 : Math.min(1, (samples - start) / Math.max(1, total - start));
      return floor + (peak - floor) * (1 - decayed);
    }
  }
}

/** Share of a run that a warm-up may always take. */
const USUAL_WARMUP = 0.1;

/**
 * Samples that the warm-up of a run may take: half of those before the decay, or a tenth of the run. After a longer one
 * the rate would fall as soon as it had risen.
 */
export function longestWarmup({ schedule, decay_share, total_samples }: OptimizerConfig): number {
  const before = schedule === 'wsd' ? 1 - decay_share : 1;
  return Math.floor(total_samples * Math.max(before / 2, USUAL_WARMUP));
}
