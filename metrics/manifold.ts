/**
 * @file Precision and recall (arXiv 1904.06991), density and coverage (arXiv 2002.09797): how the manifolds of two sets
 * of features lie over each other. The manifold of a set is the union of balls around its rows; the k-th nearest other
 * row lies on the edge of a ball.
 */
import { type Features, requireComparable, rowsOf } from './features.ts';
import { squaredRadii } from './nearest.ts';
import { visitDistances } from './squared-distances.ts';

export interface ManifoldMeasures {
  /** Share of the drawn rows within the manifold of the real ones: how good they are. */
  readonly precision: number;
  /** Share of the real rows within the manifold of the drawn ones: how many kinds there are. */
  readonly recall: number;
  /** How many balls of real rows a drawn row lies in, in the mean, divided by k. It may be above 1. */
  readonly density: number;
  /** Share of the balls of real rows that have a drawn row. */
  readonly coverage: number;
  /** The neighbour on the edge of a ball: fewer than asked for when a set has too few rows. */
  readonly k: number;
}

/**
 * Equal sets have 1 four times, and also sets of one repeated row cover each other.
 * @param real Rows of real pictures. @param fake Rows of drawn ones.
 * @throws RangeError unless both sets have at least two rows of equal length, of finite numbers.
 */
export function manifoldMeasures(real: Features, fake: Features, k = 5): ManifoldMeasures {
  requireComparable(real, fake, 2);
  const near = Math.min(k, rowsOf(real) - 1, rowsOf(fake) - 1);
  const [realRadii, fakeRadii] = [squaredRadii(real, near), squaredRadii(fake, near)];
  const [realCount, fakeCount] = [rowsOf(real), rowsOf(fake)];
  const isGood = new Uint8Array(fakeCount);
  const [isFound, isCovered] = [new Uint8Array(realCount), new Uint8Array(realCount)];
  let balls = 0;
  visitDistances(real, fake, ({ a, b, rows, columns, products, stride }) => {
    for (let i = a; i < a + rows; i++) {
      for (let j = b; j < b + columns; j++) {
        const square = products[(i - a) * stride + j - b]!;
        if (isWithin(square, fakeRadii[j]!)) isFound[i] = 1;
        if (!isWithin(square, realRadii[i]!)) continue;
        isGood[j] = 1;
        isCovered[i] = 1;
        balls++;
      }
    }
  });
  const count = (flags: Uint8Array) => flags.reduce((sum, flag) => sum + flag, 0);
  return {
    precision: count(isGood) / fakeCount,
    recall: count(isFound) / realCount,
    density: balls / (near * fakeCount),
    coverage: count(isCovered) / realCount,
    k: near,
  };
}

/** Without the edge, as the authors' package prdc has it. The middle is in its ball even when the radius is 0. */
const isWithin = (square: number, radius: number) => square < radius || square === 0;
