import type { BorderStep } from './border-step.ts';
import { flowLossStep } from './flow-loss-step.ts';
import { heldOutStep } from './held-out-step.ts';
import { memorizationStep } from './memorization-step.ts';
import { previewStep } from './preview-step.ts';
import { suiteStep } from './suite-step.ts';

/**
 * The steps at every chunk border, in the order in which they run. To add one, add a file beside this one and a row.
 */
export const BORDER_STEPS: readonly BorderStep[] = [
  previewStep,
  heldOutStep,
  flowLossStep,
  suiteStep,
  memorizationStep,
];
