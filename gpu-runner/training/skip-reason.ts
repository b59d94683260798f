/** @file The reason why an update was skipped: the losses and layers that are not finite or too large. */
import { listSome } from '../../configs/quantity.ts';
import { scaleAfterSkip } from './loss-scale.ts';
import type { LossMetrics } from './losses/losses.ts';

/** The sentence names this many parameters, and counts the others. */
const MOST_NAMED = 3;

/** The losses of an update: their weighted sum, and each loss if there are several. */
interface Losses {
  readonly mean: number;
  readonly metrics: LossMetrics;
}

/** The gradient of an update. */
export interface SkippedGradient {
  /** The parameters in the order of the forward pass, and the norms of their gradients. */
  readonly names: readonly string[];
  readonly norms: ArrayLike<number>;
  readonly norm: number;
  /** The median norm of the last updates, if the norm is too large beside it. */
  readonly median?: number;
}

/**
 * A sentence that names the losses and parameters that are not finite or too large. The sentence lists them from the
 * last to the first, since the backward pass carries a bad gradient from the loss to the parameters before it. With a
 * loss scale, which too large a gradient halves, it names the next one.
 */
export function skipReason(losses: Losses, gradient: SkippedGradient, lossScale?: number): string {
  const reason = describeGradient(losses, gradient);
  // An exploding gradient is finite, and the scale stays.
  if (lossScale === undefined || gradient.median !== undefined) return reason;
  return `${reason}; the loss scale of f16 was ${lossScale}, and is ${scaleAfterSkip(lossScale)} from now on`;
}

function describeGradient(losses: Losses, { names, norms, norm, median }: SkippedGradient): string {
  const fromTheLoss = names.map((name, i) => ({ name, norm: norms[i] ?? Number.NaN })).reverse();
  const broken = fromTheLoss.filter(({ norm }) => !Number.isFinite(norm));
  const ofLoss = describeLosses(losses);
  if (broken.length === 0) {
    const largest = fromTheLoss.toSorted((a, b) => b.norm - a.norm);
    const beside =
      median === undefined
        ? ''
        : `: its norm is ${norm.toPrecision(3)}, the median of the last ${median.toPrecision(3)}`;
    return `${ofLoss}the gradient is too large${beside}, most of all of ${listNames(largest)}`;
  }
  const listed = `${listNames(broken)}, of ${names.length} parameters in all`;
  return `${ofLoss}not finite, from the loss backwards: the gradient of ${listed}`;
}

/** `the loss is NaN; `. Of several losses the ones that are not finite: `loss/repa is NaN; `. */
function describeLosses({ mean, metrics }: Losses): string {
  const broken = Object.entries(metrics).filter(([, value]) => !Number.isFinite(value));
  if (broken.length > 0) return `${broken.map(([name, value]) => `${name} is ${value}`).join(' and ')}; `;
  return Number.isFinite(mean) ? '' : `the loss is ${mean}; `;
}

function listNames(parameters: readonly { readonly name: string }[]): string {
  return listSome(
    parameters.map(({ name }) => name),
    MOST_NAMED,
  );
}
