/** @file Features of pictures: what distances of sets, nearest pictures and manifolds are computed from. */

/** Rows [n, dim] of features, one for each picture. */
export interface Features {
  readonly dim: number;
  readonly data: Float32Array;
}

export function rowsOf({ dim, data }: Features): number {
  return dim === 0 ? 0 : data.length / dim;
}

/** The rows of these indexes, in their order. */
export function takeRows({ dim, data }: Features, indexes: ArrayLike<number>): Features {
  const taken = new Float32Array(indexes.length * dim);
  for (let i = 0; i < indexes.length; i++) {
    const start = indexes[i]! * dim;
    taken.set(data.subarray(start, start + dim), i * dim);
  }
  return { dim, data: taken };
}

/**
 * Rows of length 1. The squared distance of two of them is 2 - 2 c, where c is the cosine of the angle between them. A
 * row of zeros stays as it is.
 */
export function normalizeRows({ dim, data }: Features): Features {
  const normalized = new Float32Array(data.length);
  for (let start = 0; start < data.length; start += dim) {
    let square = 0;
    for (let k = 0; k < dim; k++) square += data[start + k]! ** 2;
    const scale = square > 0 ? 1 / Math.sqrt(square) : 0;
    for (let k = 0; k < dim; k++) normalized[start + k] = data[start + k]! * scale;
  }
  return { dim, data: normalized };
}

/** @throws RangeError unless the sets have rows of one length, at least `least` each, of finite numbers. */
export function requireComparable(a: Features, b: Features, least: number): void {
  if (a.dim !== b.dim || a.dim === 0 || rowsOf(a) < least || rowsOf(b) < least) {
    throw new RangeError(
      `${rowsOf(a)} rows of ${a.dim} and ${rowsOf(b)} rows of ${b.dim} features cannot be compared: ` +
        `both sets need at least ${least} rows of one length`,
    );
  }
  for (const set of [a, b]) {
    if (!set.data.every(Number.isFinite)) throw new RangeError('features that are not finite cannot be compared');
  }
}
