/** @file Kernel Inception Distance (arXiv 1801.01401): the squared distance of two sets of features. */

/** Rows [n, dim] of features. */
export interface Features {
  readonly dim: number;
  readonly data: Float32Array;
}

/**
 * The unbiased estimate with the kernel (x.y / dim + 1)^3. It is near 0, or below, for sets of one distribution.
 * @throws RangeError unless both sets have at least two rows of equal length.
 */
export function kernelDistance(a: Features, b: Features): number {
  if (a.dim !== b.dim || rowsOf(a) < 2 || rowsOf(b) < 2) {
    throw new RangeError(`no distance between ${rowsOf(a)} rows of ${a.dim} and ${rowsOf(b)} rows of ${b.dim}`);
  }
  return meanWithin(a) + meanWithin(b) - 2 * meanAcross(a, b);
}

const rowsOf = ({ dim, data }: Features): number => data.length / dim;

const withins = new WeakMap<Features, number>();

/** Over pairs of different rows. */
function meanWithin(set: Features): number {
  const known = withins.get(set);
  if (known !== undefined) return known;
  const rows = rowsOf(set);
  let sum = 0;
  for (let i = 0; i < rows; i++) for (let j = 0; j < i; j++) sum += kernel(set, i, set, j);
  const mean = (2 * sum) / (rows * (rows - 1));
  withins.set(set, mean);
  return mean;
}

function meanAcross(a: Features, b: Features): number {
  let sum = 0;
  for (let i = 0; i < rowsOf(a); i++) for (let j = 0; j < rowsOf(b); j++) sum += kernel(a, i, b, j);
  return sum / (rowsOf(a) * rowsOf(b));
}

function kernel(a: Features, i: number, b: Features, j: number): number {
  const { dim } = a;
  let dot = 0;
  for (let k = 0; k < dim; k++) dot += a.data[i * dim + k]! * b.data[j * dim + k]!;
  return (dot / dim + 1) ** 3;
}
