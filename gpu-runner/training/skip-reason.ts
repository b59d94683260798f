/** @file Which loss or layer exploded: the sentence on an update that was skipped. */
import type { LossMetrics } from './losses/losses.ts';

/** Parameters that are named; the others are counted. */
const MOST_NAMED = 3;

/** The losses of the update: their weighted sum, and each of them when there are several. */
interface Losses {
  readonly mean: number;
  readonly metrics: LossMetrics;
}

/**
 * A sentence on the gradient of a skipped update, which names the losses and the parameters that are not finite. `norms` are those of
 * `names`, which are in the order of the forward pass: the backward pass reaches the last ones first, and from there on spoils all before
 * them.
 */
export function skipReason(losses: Losses, names: readonly string[], norms: ArrayLike<number>): string {
  const fromTheLoss = names.map((name, i) => ({ name, norm: norms[i] ?? Number.NaN })).reverse();
  const broken = fromTheLoss.filter(({ norm }) => !Number.isFinite(norm));
  const ofLoss = describeLosses(losses);
  if (broken.length === 0) {
    const largest = fromTheLoss.toSorted((a, b) => b.norm - a.norm);
    return `${ofLoss}the gradient is too large, most of all of ${listNames(largest)}`;
  }
  return `${ofLoss}not finite, from the loss backwards: the gradient of ${listNames(broken)}, of ${names.length} parameters in all`;
}

/** `the loss is NaN; `, or of several losses those that are not finite: `loss/repa is NaN; `. */
function describeLosses({ mean, metrics }: Losses): string {
  const broken = Object.entries(metrics).filter(([, value]) => !Number.isFinite(value));
  if (broken.length > 0) return `${broken.map(([name, value]) => `${name} is ${value}`).join(' and ')}; `;
  return Number.isFinite(mean) ? '' : `the loss is ${mean}; `;
}

function listNames(parameters: readonly { readonly name: string }[]): string {
  const named = parameters.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = parameters.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
}
