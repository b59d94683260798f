import type { OptimizerConfig } from '../../configs/schema.ts';

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
