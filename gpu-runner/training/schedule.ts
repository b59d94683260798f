import type { OptimizerConfig } from '../../configs/optimizer.ts';
import { adamwRateShare } from './param-groups.ts';

/**
 * 1 - beta of a power-function average at update `step` (1 is the first): beta = (1 - 1/step)^(gamma + 1)
 * (arXiv 2312.02696, eq. 121).
 */
export function emaRateAt(step: number, gamma: number): number {
  return 1 - (1 - 1 / step) ** (gamma + 1);
}

/** Rate and bias corrections of AdamW at update `step` (1 is the first). @param learningRate The scheduled one. */
export function adamwScalars(step: number, learningRate: number, config: OptimizerConfig) {
  const { beta1, beta2 } = config.adamw;
  return {
    adamw_step_size: (learningRate * adamwRateShare(config)) / (1 - beta1 ** step),
    adamw_v_scale: 1 / Math.sqrt(1 - beta2 ** step),
  };
}
