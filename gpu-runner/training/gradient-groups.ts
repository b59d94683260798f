/** @file Norms of gradients by part of the network, from the norm of each parameter. */

export type GradientNorms = { readonly [group: `grad_norm/${string}`]: number };

/** Matrices between the outside and the width of the network. */
const PROJECTION = /^[^.]+\.(?:proj|down|up|in|out)$/;
const BLOCK = /^blocks\.\d+/;

/**
 * The L2 norm of the gradient of each block (`grad_norm/blocks.3`), of each projection (`grad_norm/text.proj`), and of
 * the other parameters of each part (`grad_norm/text`), before clipping.
 * @param norms Of each parameter, in the order of `names`.
 */
export function groupNorms(names: readonly string[], norms: ArrayLike<number>): GradientNorms {
  const squares = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    const [part = name] = name.split('.');
    const group = BLOCK.exec(name)?.[0] ?? (PROJECTION.test(name) ? name : part);
    squares.set(group, (squares.get(group) ?? 0) + (norms[i] ?? Number.NaN) ** 2);
  }
  return Object.fromEntries([...squares].map(([group, square]) => [`grad_norm/${group}`, Math.sqrt(square)]));
}
