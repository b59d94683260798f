/**
 * @file The products of all rows of one set with all rows of another, in blocks that stay in the caches, in f64. Each
 * sum is added up in the order of its numbers, so blocks do not change its bits, and equal rows give equal sums.
 */
import { addProducts } from './products.ts';

/** Rows [n, dim], one after the other. */
export interface Rows {
  readonly dim: number;
  readonly data: Float32Array | Float64Array;
}

/** Rows of a block: twice 64 x 1,280 numbers take 1.3 MB. */
const BLOCK = 64;

/** Products of the rows from `a` on with the rows from `b` on: `products[i * stride + j]`. */
export interface ProductBlock {
  readonly a: number;
  readonly b: number;
  readonly rows: number;
  readonly columns: number;
  readonly products: Float64Array;
  readonly stride: number;
}

/**
 * Shows each block once, those of the first rows of `a` first. The array is used again for the next block.
 * @throws RangeError if the rows have different lengths.
 */
export function visitProducts(a: Rows, b: Rows, visit: (block: ProductBlock) => void): void {
  visitBlocks(a, b, false, visit);
}

/** The blocks of the lower half of the products of a set with itself: `b <= a`. Those with `a = b` are full. */
export function visitOwnProducts(set: Rows, visit: (block: ProductBlock) => void): void {
  visitBlocks(set, set, true, visit);
}

function visitBlocks(a: Rows, b: Rows, lower: boolean, visit: (block: ProductBlock) => void): void {
  const { dim } = a;
  if (b.dim !== dim) throw new RangeError(`rows of ${dim} and of ${b.dim} numbers have no products`);
  if (dim === 0) return;
  const [left, right] = [new Float64Array(BLOCK * dim), new Float64Array(BLOCK * dim)];
  const products = new Float64Array(BLOCK * BLOCK);
  const [allRows, allColumns] = [a.data.length / dim, b.data.length / dim];
  for (let i = 0; i < allRows; i += BLOCK) {
    const rows = pack(a, i, left);
    const end = lower ? Math.min(i + BLOCK, allColumns) : allColumns;
    for (let j = 0; j < end; j += BLOCK) {
      const columns = pack(b, j, right);
      multiply(left, rows, right, columns, dim, products.fill(0));
      visit({ a: i, b: j, rows, columns, products, stride: BLOCK });
    }
  }
}

/** Copies up to {@link BLOCK} rows as [BLOCK / 4, dim, 4]. Rows that a set lacks are 0. @returns their number */
function pack({ dim, data }: Rows, from: number, to: Float64Array): number {
  const rows = Math.min(BLOCK, data.length / dim - from);
  if (rows < BLOCK) to.fill(0);
  for (let row = 0; row < rows; row++) {
    const start = (from + row) * dim;
    const at = (row >> 2) * dim * 4 + (row & 3);
    for (let k = 0; k < dim; k++) to[at + 4 * k] = data[start + k]!;
  }
  return rows;
}

function multiply(
  left: Float64Array,
  rows: number,
  right: Float64Array,
  columns: number,
  dim: number,
  products: Float64Array,
): void {
  for (let four = 0; four < rows; four += 4) {
    for (let two = 0; two < columns; two += 2) {
      const rightAt = (two >> 2) * dim * 4 + (two & 2);
      addProducts(left, four * dim, right, rightAt, dim, products, four * BLOCK + two, BLOCK);
    }
  }
}
