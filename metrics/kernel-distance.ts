/** @file Kernel Inception Distance (arXiv 1801.01401): the squared distance of two sets of features. */

import type { Seed } from '../configs/seed.ts';
import { type ProductBlock, visitOwnProducts, visitProducts } from '../numerics/inner-products.ts';
import { permutation, RandomStream } from '../numerics/random-stream.ts';
import { type Features, requireComparable, rowsOf, takeRows } from './features.ts';

/**
 * The unbiased estimate with the kernel (x.y / dim + 1)^3. It is near 0, or below, for sets of one distribution.
 * @throws RangeError unless both sets have at least two rows of equal length, of finite numbers.
 */
export function kernelDistance(a: Features, b: Features): number {
  requireComparable(a, b, 2);
  return meanWithin(a) + meanWithin(b) - 2 * meanAcross(a, b);
}

const withins = new WeakMap<Features, number>();

/** Over pairs of different rows. Known of a set that is compared with many others. */
function meanWithin(set: Features): number {
  const known = withins.get(set);
  if (known !== undefined) return known;
  const rows = rowsOf(set);
  let sum = 0;
  visitOwnProducts(set, block => {
    for (let i = 0; i < block.rows; i++) {
      const end = Math.min(block.columns, block.a + i - block.b);
      for (let j = 0; j < end; j++) sum += kernel(block.products[i * block.stride + j]!, set.dim);
    }
  });
  const mean = (2 * sum) / (rows * (rows - 1));
  withins.set(set, mean);
  return mean;
}

function meanAcross(a: Features, b: Features): number {
  let sum = 0;
  visitProducts(a, b, ({ rows, columns, products, stride }) => {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) sum += kernel(products[i * stride + j]!, a.dim);
    }
  });
  return sum / (rowsOf(a) * rowsOf(b));
}

function kernel(product: number, dim: number): number {
  const base = product / dim + 1;
  return base * base * base;
}

export interface SubsetOptions {
  /** How many pairs of subsets are compared. */
  readonly subsets?: number;
  /** Rows of a subset. By default half of the smaller set, at most 1,000. */
  readonly size?: number;
  readonly seed?: Seed;
}

export interface SubsetDistance {
  readonly mean: number;
  /** Of the distances of the subsets, about their mean. */
  readonly sd: number;
  readonly subsets: number;
  /** Rows of a subset. */
  readonly size: number;
}

/** Rows of a subset by default, as the authors of the distance take them. */
const USUAL_SIZE = 1000;

/**
 * Mean and deviation of the {@link kernelDistance} of random subsets. Each product of two rows is computed once,
 * however many subsets have both.
 * @throws RangeError unless both sets have two rows, and rows for a subset.
 */
export function kernelDistanceOfSubsets(a: Features, b: Features, options: SubsetOptions = {}): SubsetDistance {
  requireComparable(a, b, 2);
  const most = Math.min(rowsOf(a), rowsOf(b));
  const { subsets = 100, size = Math.max(2, Math.min(USUAL_SIZE, most >> 1)), seed = 0 } = options;
  if (size < 2 || size > most || subsets < 1) {
    throw new RangeError(`there are no ${subsets} subsets of ${size} rows in sets of ${rowsOf(a)} and ${rowsOf(b)}`);
  }
  const left = drawSubsets(rowsOf(a), { subsets, size, seed, side: 0 });
  const right = drawSubsets(rowsOf(b), { subsets, size, seed, side: 1 });
  const within = [sumsOf(a, left, a, left), sumsOf(b, right, b, right)];
  const across = sumsOf(a, left, b, right);
  const distances = Array.from(across, (sum, index) => {
    const [first = 0, second = 0] = within.map(sums => sums[index]!);
    return (first + second) / (size * (size - 1)) - (2 * sum) / size ** 2;
  });
  const mean = distances.reduce((total, each) => total + each, 0) / subsets;
  const square = distances.reduce((total, each) => total + (each - mean) ** 2, 0) / subsets;
  return { mean, sd: Math.sqrt(square), subsets, size };
}

/** Indexes of the rows of each subset, rising. @param side 0 of the first set, 1 of the second */
export function drawSubsets(
  rows: number,
  { subsets, size, seed, side }: Required<SubsetOptions> & { readonly side: 0 | 1 },
): readonly Uint32Array[] {
  return Array.from({ length: subsets }, (_, index) => {
    const random = new RandomStream(seed, 'subset', 2 * index + side);
    return permutation(rows, random).slice(0, size).sort();
  });
}

/** For each pair of subsets, the sum of the kernels of their rows; of a set with itself, of pairs of different rows. */
function sumsOf(a: Features, left: readonly Uint32Array[], b: Features, right: readonly Uint32Array[]): Float64Array {
  const isOwn = a === b && left === right;
  const [rows, columns] = [gather(a, left), isOwn ? undefined : gather(b, right)];
  const others = columns ?? rows;
  const sums = new Float64Array(left.length);
  const add = ({ a: from, b: start, rows: height, columns: width, products, stride }: ProductBlock) => {
    for (let k = 0; k < products.length; k++) products[k] = kernel(products[k]!, a.dim);
    for (let subset = 0; subset < sums.length; subset++) {
      const [mine, theirs] = [rows.subsets[subset]!, others.subsets[subset]!];
      const [firstColumn, lastColumn] = [lowerBound(theirs, start), lowerBound(theirs, start + width)];
      let sum = 0;
      for (let i = lowerBound(mine, from); i < mine.length && mine[i]! < from + height; i++) {
        const at = (mine[i]! - from) * stride - start;
        for (let j = firstColumn; j < lastColumn; j++) {
          if (isOwn && theirs[j]! >= mine[i]!) break;
          sum += products[at + theirs[j]!]!;
        }
      }
      sums[subset]! += isOwn ? 2 * sum : sum;
    }
  };
  if (columns === undefined) visitOwnProducts(rows.features, add);
  else visitProducts(rows.features, columns.features, add);
  return sums;
}

/** The rows that are in any subset, and the subsets as indexes of these. */
function gather(set: Features, subsets: readonly Uint32Array[]) {
  const used = Uint32Array.from(new Set(subsets.flatMap(subset => [...subset]))).sort();
  const places = new Map(Array.from(used, (row, place) => [row, place]));
  return {
    features: takeRows(set, used),
    subsets: subsets.map(subset => subset.map(row => places.get(row) ?? 0)),
  };
}

/** The first place of a rising list at which a number is not below `value`. */
function lowerBound(list: Uint32Array, value: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
