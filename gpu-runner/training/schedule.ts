import type { OptimizerConfig } from '../../configs/schema.ts';

/** Learning rate of the update that ends at `samples` seen: a linear warm-up, then the schedule of the config. */
export function learningRateAt(samples: number, config: OptimizerConfig): number {
  const { learning_rate: peak, min_learning_rate: floor, total_samples: total, warmup_samples: warmup } = config;
  if (samples < warmup) return peak * (samples / warmup);
  const done = Math.min(1, (samples - warmup) / Math.max(1, total - warmup));
  switch (config.schedule) {
    case 'constant':
      return peak;
    case 'cosine':
      return floor + ((peak - floor) / 2) * (1 + Math.cos(Math.PI * done));
    case 'wsd': {
      const start = total * (1 - config.decay_share);
      const decayed = samples <= start ? 0 : Math.min(1, (samples - start) / Math.max(1, total - start));
      return floor + (peak - floor) * (1 - decayed);
    }
  }
}

/**
 * 1 - beta of a power-function average at update `step` (1 is the first): beta = (1 - 1/step)^(gamma + 1)
 * (arXiv 2312.02696, eq. 121).
 */
export function emaRateAt(step: number, gamma: number): number {
  return 1 - (1 - 1 / step) ** (gamma + 1);
}

/** Bias corrections of AdamW at update `step` (1 is the first). */
export function adamwScalars(step: number, learningRate: number, { beta1, beta2 }: OptimizerConfig['adamw']) {
  return {
    adamw_step_size: learningRate / (1 - beta1 ** step),
    adamw_v_scale: 1 / Math.sqrt(1 - beta2 ** step),
  };
}
