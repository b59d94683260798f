/** @file Squared distances of rows from their products: |x|^2 + |y|^2 - 2 x.y, which is 0 for equal rows. */
import { type ProductBlock, visitOwnProducts, visitProducts } from '../numerics/inner-products.ts';
import type { Features } from './features.ts';

/**
 * Shows the squared distances of the rows of two sets in blocks: `products` of a block then are distances.
 * @throws RangeError if the rows have different lengths.
 */
export function visitDistances(a: Features, b: Features, visit: (block: ProductBlock) => void): void {
  const [left, right] = [squaresOf(a), squaresOf(b)];
  visitProducts(a, b, block => visit(toDistances(block, left, right)));
}

/** The same within a set, with `b <= a` as of `visitOwnProducts`. */
export function visitOwnDistances(set: Features, visit: (block: ProductBlock) => void): void {
  const squares = squaresOf(set);
  visitOwnProducts(set, block => visit(toDistances(block, squares, squares)));
}

/** Added up in the order of the products of rows, so that equal rows have the distance 0 to the bit. */
function squaresOf({ dim, data }: Features): Float64Array {
  const squares = new Float64Array(data.length / dim);
  for (let row = 0; row < squares.length; row++) {
    let sum = 0;
    for (let k = row * dim; k < (row + 1) * dim; k++) sum += data[k]! * data[k]!;
    squares[row] = sum;
  }
  return squares;
}

function toDistances(block: ProductBlock, left: Float64Array, right: Float64Array): ProductBlock {
  const { a, b, rows, columns, products, stride } = block;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = i * stride + j;
      products[at] = Math.max(0, left[a + i]! + right[b + j]! - 2 * products[at]!);
    }
  }
  return block;
}
