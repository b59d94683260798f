import { add, div, mul, reduceMean, reduceSum, reshape, sqrt, square, sub } from '../../compiler/functions.ts';
import type { Value } from '../../compiler/trace.ts';

/** Added to squares of lengths: a vector of zeros has the cosine 0 to every other. */
const TINY = 1e-12;

export type DistanceType = 'cosine' | 'mse';

/**
 * The distance of the features of each place: 1 - their cosine, or the mean square of their difference.
 * @param a [batch, n, dim]. @param b Likewise. @returns [batch, n]
 */
export function distanceOf(type: DistanceType, a: Value, b: Value): Value {
  const [batch = 0, count = 0] = a.shape;
  if (type === 'mse') return reshape(reduceMean(square(sub(a, b)), [2]), [batch, count]);
  const length = (x: Value) => sqrt(add(reduceSum(square(x), [2]), TINY));
  const product = reduceSum(mul(a, b), [2]);
  return sub(1, reshape(div(product, mul(length(a), length(b))), [batch, count]));
}

/** The mean of {@link distanceOf} over the places, [batch]. */
export function meanDistance(type: DistanceType, a: Value, b: Value): Value {
  return reshape(reduceMean(distanceOf(type, a, b), [1]), [a.shape[0] ?? 0]);
}

/** [batch, rows, columns, dim] -> [batch, rows * columns, dim]. */
export function flattenGrid(grid: Value): Value {
  const [batch = 0, , , dim = 0] = grid.shape;
  return reshape(grid, [batch, -1, dim]);
}
