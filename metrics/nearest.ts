/** @file The nearest rows of a set of features. */
import { type Features, requireComparable, rowsOf } from './features.ts';
import { visitDistances, visitOwnDistances } from './squared-distances.ts';

export interface Neighbour {
  /** Of the row in the set. */
  readonly index: number;
  /** Of the two rows: the root of the sum of squares of differences. Equal rows have 0. */
  readonly distance: number;
}

/**
 * For each query the `count` nearest rows of the set, nearest first; of equal distances, the lower index first. There
 * are fewer when the set has fewer rows. Memory stays at a few megabytes beside the rows.
 * @throws RangeError unless all rows are finite and of one length, and both sets have one.
 */
export function nearestRows(queries: Features, set: Features, count = 2): Neighbour[][] {
  requireComparable(queries, set, 1);
  const least = new LeastDistances(rowsOf(queries), Math.min(count, rowsOf(set)));
  visitDistances(queries, set, ({ a, b, rows, columns, products, stride }) => {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) least.add(a + i, b + j, products[i * stride + j]!);
    }
  });
  return least.neighbours();
}

/** The same for each row of a set among the others of the set. @throws RangeError unless the set has two rows. */
export function nearestOthers(set: Features, count = 1): Neighbour[][] {
  return leastWithin(set, count).neighbours();
}

/** The squared distance of each row to its k-th nearest other row. @param k Below the number of rows. */
export function squaredRadii(set: Features, k: number): Float64Array {
  return leastWithin(set, k).last();
}

function leastWithin(set: Features, count: number): LeastDistances {
  requireComparable(set, set, 2);
  const least = new LeastDistances(rowsOf(set), Math.min(count, rowsOf(set) - 1));
  visitOwnDistances(set, ({ a, b, rows, columns, products, stride }) => {
    for (let i = 0; i < rows; i++) {
      const end = Math.min(columns, a + i - b);
      for (let j = 0; j < end; j++) {
        const square = products[i * stride + j]!;
        least.add(a + i, b + j, square);
        least.add(b + j, a + i, square);
      }
    }
  });
  return least;
}

/** The least squared distances of each row, rising. */
class LeastDistances {
  readonly #count: number;
  readonly #squares: Float64Array;
  readonly #indexes: Uint32Array;

  constructor(rows: number, count: number) {
    this.#count = count;
    this.#squares = new Float64Array(rows * count).fill(Number.POSITIVE_INFINITY);
    this.#indexes = new Uint32Array(rows * count);
  }

  /** Indexes of a row come in rising order, so an equal distance goes behind those that are there. */
  add(row: number, index: number, square: number): void {
    const [first, count] = [row * this.#count, this.#count];
    let place = count;
    while (place > 0 && square < this.#squares[first + place - 1]!) place--;
    if (place === count) return;
    this.#squares.copyWithin(first + place + 1, first + place, first + count - 1);
    this.#indexes.copyWithin(first + place + 1, first + place, first + count - 1);
    this.#squares[first + place] = square;
    this.#indexes[first + place] = index;
  }

  /** The largest of the least, for each row. */
  last(): Float64Array {
    const rows = this.#squares.length / this.#count;
    return Float64Array.from({ length: rows }, (_, row) => this.#squares[(row + 1) * this.#count - 1]!);
  }

  neighbours(): Neighbour[][] {
    return Array.from({ length: this.#count === 0 ? 0 : this.#squares.length / this.#count }, (_, row) =>
      Array.from({ length: this.#count }, (_, k) => ({
        index: this.#indexes[row * this.#count + k]!,
        distance: Math.sqrt(this.#squares[row * this.#count + k]!),
      })),
    );
  }
}
