import type { OptimizerConfig } from '../../configs/optimizer.ts';
import { adamwRateShare } from './param-groups.ts';

/** Rate and bias corrections of AdamW at update `step` (1 is the first). @param learningRate The scheduled one. */
export function adamwScalars(step: number, learningRate: number, config: OptimizerConfig) {
  const { beta1, beta2 } = config.adamw;
  return {
    adamw_step_size: (learningRate * adamwRateShare(config)) / (1 - beta1 ** step),
    adamw_v_scale: 1 / Math.sqrt(1 - beta2 ** step),
  };
}
