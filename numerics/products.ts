/**
 * @file Sums of products over many vectors in f64: their covariance, and the largest coordinates along axes. Blocks
 * stay in the caches. Each sum is added up in the order of its vectors or numbers, so blocks do not change its bits.
 */

/** Vectors of a block: 64 x 1,024 numbers take 0.5 MB, twice over. */
const BLOCK = 64;

/**
 * @param all [vectors, dim] @param mean [dim]
 * @returns [dim, dim], of which only the lower half is filled
 */
export function covarianceOf(all: Float32Array, mean: Float64Array): Float64Array {
  const dim = mean.length;
  const vectors = all.length / dim;
  const groups = Math.ceil(dim / 4);
  const wide = groups * 4;
  const sums = new Float64Array(wide * wide);
  // [groups, BLOCK, 4]
  const block = new Float64Array(groups * BLOCK * 4);
  for (let from = 0; from < vectors; from += BLOCK) {
    const rows = Math.min(BLOCK, vectors - from);
    for (let row = 0; row < rows; row++) {
      const start = (from + row) * dim;
      for (let i = 0; i < dim; i++) {
        block[((i >> 2) * BLOCK + row) * 4 + (i & 3)] = all[start + i]! - mean[i]!;
      }
    }
    for (let upper = 0; upper < groups; upper++) {
      for (let pair = 0; pair < 2 * upper + 2; pair++) {
        const right = (pair >> 1) * BLOCK * 4 + (pair & 1) * 2;
        addProducts(block, upper * BLOCK * 4, block, right, rows, sums, 4 * upper * wide + 2 * pair, wide);
      }
    }
  }
  const covariance = new Float64Array(dim * dim);
  for (let i = 0; i < dim; i++) {
    for (let j = 0; j <= i; j++) covariance[i * dim + j] = sums[i * wide + j]! / vectors;
  }
  return covariance;
}

/**
 * The largest size of each coordinate of the vectors from their mean.
 * @param all [vectors, dim] @param mean [dim] @param axes [count, dim]
 */
export function peaksOf(all: Float32Array, mean: Float64Array, axes: Float64Array, count: number): Float64Array {
  const dim = mean.length;
  const vectors = all.length / dim;
  const groups = Math.ceil(count / 4);
  // [groups, dim, 4]
  const packed = new Float64Array(groups * dim * 4);
  for (let k = 0; k < count; k++) {
    for (let i = 0; i < dim; i++) packed[((k >> 2) * dim + i) * 4 + (k & 3)] = axes[k * dim + i]!;
  }
  const peaks = new Float64Array(groups * 4);
  // [BLOCK / 4, dim, 4]
  const block = new Float64Array(BLOCK * dim);
  const sums = new Float64Array(8);
  for (let from = 0; from < vectors; from += BLOCK) {
    const rows = Math.min(BLOCK, vectors - from);
    block.fill(0);
    for (let row = 0; row < rows; row++) {
      const start = (from + row) * dim;
      for (let i = 0; i < dim; i++) block[((row >> 2) * dim + i) * 4 + (row & 3)] = all[start + i]! - mean[i]!;
    }
    for (let pair = 0; pair < 2 * groups; pair++) {
      const right = (pair >> 1) * dim * 4 + (pair & 1) * 2;
      for (let four = 0; four < rows; four += 4) {
        addProducts(block, four * dim, packed, right, dim, sums.fill(0), 0, 2);
        for (let i = 0; i < 8; i++) {
          const place = 2 * pair + (i & 1);
          peaks[place] = Math.max(peaks[place]!, Math.abs(sums[i]!));
        }
      }
    }
  }
  return peaks.slice(0, count);
}

/**
 * Adds four columns times two columns to a tile of 4 x 2 sums, which stay in registers.
 * @param left [length, 4] from `leftAt` on @param right [length, 4] from `rightAt` on, of which the first two columns
 * @param stride Between the rows of the tile.
 */
export function addProducts(
  left: Float64Array,
  leftAt: number,
  right: Float64Array,
  rightAt: number,
  length: number,
  sums: Float64Array,
  sumsAt: number,
  stride: number,
): void {
  const second = sumsAt + stride;
  const third = second + stride;
  const fourth = third + stride;
  let a0 = sums[sumsAt]!;
  let a1 = sums[sumsAt + 1]!;
  let b0 = sums[second]!;
  let b1 = sums[second + 1]!;
  let c0 = sums[third]!;
  let c1 = sums[third + 1]!;
  let d0 = sums[fourth]!;
  let d1 = sums[fourth + 1]!;
  for (let k = 0; k < 4 * length; k += 4) {
    const x = right[rightAt + k]!;
    const y = right[rightAt + k + 1]!;
    const a = left[leftAt + k]!;
    const b = left[leftAt + k + 1]!;
    const c = left[leftAt + k + 2]!;
    const d = left[leftAt + k + 3]!;
    a0 += a * x;
    a1 += a * y;
    b0 += b * x;
    b1 += b * y;
    c0 += c * x;
    c1 += c * y;
    d0 += d * x;
    d1 += d * y;
  }
  sums[sumsAt] = a0;
  sums[sumsAt + 1] = a1;
  sums[second] = b0;
  sums[second + 1] = b1;
  sums[third] = c0;
  sums[third + 1] = c1;
  sums[fourth] = d0;
  sums[fourth + 1] = d1;
}
