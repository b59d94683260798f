/** @file Cells of a set of features: k-means by Lloyd's algorithm, started by k-means++. */
import { RandomStream } from '../numerics/random-stream.ts';
import { type Features, rowsOf, takeRows } from './features.ts';
import { nearestRows } from './nearest.ts';

/** Rounds after which centres stay where they are. */
const MOST_ROUNDS = 100;
/** Starts, of which the one with the least sum of squared distances counts. */
const STARTS = 4;

/** The index of the nearest centre of each row. */
export function assignCells(rows: Features, centers: Features): Uint32Array {
  return Uint32Array.from(nearestRows(rows, centers, 1), ([nearest]) => nearest?.index ?? 0);
}

/**
 * The centres of at most `count` cells, [count, dim].
 * @throws RangeError unless the rows are finite, and there is one.
 */
export function partition(set: Features, count: number, seed: number): Features {
  const random = new RandomStream(seed, 'cells');
  let best: { readonly centers: Features; readonly spread: number } | undefined;
  for (let start = 0; start < STARTS; start++) {
    const centers = moveCenters(set, chooseCenters(set, Math.min(count, rowsOf(set)), random));
    const spread = squaresTo(set, centers).reduce((sum, square) => sum + square, 0);
    if (best === undefined || spread < best.spread) best = { centers, spread };
  }
  if (best === undefined) throw new RangeError('there are no starts');
  return best.centers;
}

/** k-means++: each next centre is a row, by chance in proportion to its squared distance to the nearest one so far. */
function chooseCenters(set: Features, count: number, random: RandomStream): Features {
  const chosen = [random.below(rowsOf(set))];
  while (chosen.length < count) {
    const squares = squaresTo(set, takeRows(set, chosen));
    const total = squares.reduce((sum, square) => sum + square, 0);
    // All rows lie on centres.
    if (total === 0) break;
    let left = random.uniform() * total;
    const next = squares.findIndex(square => {
      left -= square;
      return square > 0 && left <= 0;
    });
    chosen.push(next < 0 ? squares.indexOf(Math.max(...squares)) : next);
  }
  return takeRows(set, chosen);
}

/** Lloyd's algorithm: each centre becomes the mean of its rows, until no row changes its cell. */
export function moveCenters(set: Features, start: Features): Features {
  let centers = start;
  let cells = assignCells(set, centers);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    centers = meansOf(set, cells, centers);
    const next = assignCells(set, centers);
    if (next.every((cell, row) => cell === cells[row])) break;
    cells = next;
  }
  return centers;
}

/** A centre without rows stays. */
function meansOf({ dim, data }: Features, cells: Uint32Array, centers: Features): Features {
  const sums = new Float64Array(centers.data.length);
  const counts = new Uint32Array(rowsOf(centers));
  for (const [row, cell] of cells.entries()) {
    counts[cell]! += 1;
    for (let k = 0; k < dim; k++) sums[cell * dim + k]! += data[row * dim + k]!;
  }
  const means = centers.data.map((value, i) => {
    const count = counts[Math.floor(i / dim)] ?? 0;
    return count > 0 ? (sums[i] ?? 0) / count : value;
  });
  return { dim, data: means };
}

/** Squared distances of the rows to their nearest centres. */
function squaresTo(set: Features, centers: Features): number[] {
  return nearestRows(set, centers, 1).map(([nearest]) => (nearest?.distance ?? 0) ** 2);
}
