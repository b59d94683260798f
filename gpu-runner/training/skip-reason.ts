/** @file Which layer exploded: what is said of an update that was skipped. */

/** Parameters that are named; the others are counted. */
const MOST_NAMED = 3;

/**
 * A sentence on the gradient of a skipped update, which names the parameters whose gradient is not finite. `norms` are those of `names`,
 * which are in the order of the forward pass: the backward pass reaches the last ones first, and from there on spoils all before them.
 */
export function skipReason(loss: number, names: readonly string[], norms: ArrayLike<number>): string {
  const fromTheLoss = names.map((name, i) => ({ name, norm: norms[i] ?? Number.NaN })).reverse();
  const broken = fromTheLoss.filter(({ norm }) => !Number.isFinite(norm));
  const ofLoss = Number.isFinite(loss) ? '' : `the loss is ${loss}; `;
  if (broken.length === 0) {
    const largest = fromTheLoss.toSorted((a, b) => b.norm - a.norm);
    return `${ofLoss}the gradient is too large, most of all of ${listNames(largest)}`;
  }
  return `${ofLoss}not finite, from the loss backwards: the gradient of ${listNames(broken)}, of ${names.length} parameters in all`;
}

function listNames(parameters: readonly { readonly name: string }[]): string {
  const named = parameters.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = parameters.length - named.length;
  return more > 0 ? `${named.join(', ')} and ${more} more` : named.join(', ');
}
