/**
 * @file Loss scaling for f16 (Micikevicius et al., arXiv 1710.03740). Gradients below 6e-8 are 0 in f16, so the loss is
 * multiplied by a power of two before the backward pass, and the update divides the gradients by it. Both are exact.
 * The scale is part of the training state: the update graph computes the next one, so that a resumed training goes on
 * with the same bits.
 */
import type { Precision } from '../../configs/engines.ts';
import { add, less, max, min, mul, select } from '../compiler/functions.ts';
import { type Tensor, tensorOf } from '../compiler/tensor.ts';
import type { Builder, Value } from '../compiler/trace.ts';

/** Names of scalar state: the scale, and the steps since it last changed. The prefix puts both into checkpoints. */
export const LOSS_SCALE = 'optimizer.loss_scale';
const STEPS_AT_SCALE = 'optimizer.loss_scale_steps';

/** The scale at the start, after which it doubles every {@link STEPS_TO_DOUBLE} steps without a skip. */
const FIRST_SCALE = 2 ** 16;
const STEPS_TO_DOUBLE = 2000;
/** Below 1, gradients vanish again. A gradient that is not finite at 1 has another cause. */
const [SMALLEST_SCALE, LARGEST_SCALE] = [1, 2 ** 24] as const;

/** True for a format whose smallest numbers are larger than usual gradients. bf16 has the exponents of f32. */
export function needsLossScale(precision: Precision | undefined): boolean {
  return precision === 'f16';
}

/** The scale that follows a step whose gradient was not finite. */
export function scaleAfterSkip(scale: number): number {
  return Math.max(scale / 2, SMALLEST_SCALE);
}

/** State at the start of a training, or after steps on an engine that does not scale the loss. */
export const INITIAL_LOSS_SCALE: Readonly<Record<string, Tensor>> = {
  [LOSS_SCALE]: tensorOf([], [FIRST_SCALE]),
  [STEPS_AT_SCALE]: tensorOf([], [0]),
};

/** The scale of this step, a scalar. */
export function readLossScale(builder: Builder): Value {
  return builder.state(LOSS_SCALE, { shape: [], dtype: 'f32' });
}

/**
 * What the update writes: half the scale after a gradient that is not finite, twice the scale after
 * {@link STEPS_TO_DOUBLE} finite ones in a row.
 * @param finite Whether the gradient of this step is finite: a scalar bool.
 */
export function nextLossScale(builder: Builder, finite: Value): Record<string, Value> {
  const scale = readLossScale(builder);
  const steps = add(builder.state(STEPS_AT_SCALE, { shape: [], dtype: 'f32' }), 1);
  const stays = less(steps, STEPS_TO_DOUBLE);
  const raised = select(stays, scale, min(mul(scale, 2), LARGEST_SCALE));
  return {
    [LOSS_SCALE]: select(finite, raised, max(mul(scale, 0.5), SMALLEST_SCALE)),
    [STEPS_AT_SCALE]: select(finite, select(stays, steps, 0), 0),
  };
}
