import { describe, expect, it } from 'vitest';
import { RandomStream } from './random-stream.ts';
import { singularValues } from './singular-values.ts';

function random(rows: number, columns: number, seed: number): Float64Array {
  const stream = new RandomStream(seed, 'sample');
  return Float64Array.from({ length: rows * columns }, () => stream.normal());
}

/** [rows, inner] times [inner, columns]. */
function multiply(a: Float64Array, b: Float64Array, inner: number): Float64Array {
  const columns = b.length / inner;
  return Float64Array.from({ length: (a.length / inner) * columns }, (_, at) => {
    const [i, j] = [Math.floor(at / columns), at % columns];
    let sum = 0;
    for (let k = 0; k < inner; k++) sum += a[i * inner + k]! * b[k * columns + j]!;
    return sum;
  });
}

/** A matrix of orthogonal columns, by a product of mirrors: [size, size]. */
function orthogonal(size: number, seed: number): Float64Array {
  let matrix: Float64Array = Float64Array.from({ length: size * size }, (_, at) => Number(at % (size + 1) === 0));
  for (let step = 0; step < 3; step++) {
    const v = random(size, 1, 10 * seed + step);
    const square = v.reduce((sum, x) => sum + x * x, 0);
    const mirror = Float64Array.from({ length: size * size }, (_, at) => {
      const [i, j] = [Math.floor(at / size), at % size];
      return Number(i === j) - (2 * v[i]! * v[j]!) / square;
    });
    matrix = multiply(matrix, mirror, size);
  }
  return matrix;
}

describe('singularValues', () => {
  it.each([
    ['a square', 6, 6, [5, 3, 2, 1, 0.5, 0.25]],
    ['a tall matrix', 9, 4, [4, 3, 2, 1]],
    ['a wide matrix', 4, 9, [4, 3, 2, 1]],
    ['a matrix without full rank', 5, 7, [2, 1, 0, 0, 0]],
    ['a matrix with equal values', 5, 5, [1, 1, 1, 1, 1]],
    ['values over 12 powers of ten', 6, 6, [1e6, 1e3, 1, 1e-3, 1e-6, 1e-6]],
  ] as const)('%s has the values that it is made of', (_, rows, columns, values) => {
    const middle = new Float64Array(rows * columns);
    for (const [k, value] of values.entries()) middle[k * columns + k] = value;
    const matrix = multiply(multiply(orthogonal(rows, 1), middle, rows), orthogonal(columns, 2), columns);
    const found = singularValues(matrix, rows, columns);
    for (const [k, value] of values.entries()) expect(Math.abs(found[k]! - value)).toBeLessThan(1e-14 * 10 * values[0]);
    expect(found.length).toBe(values.length);
  });

  it('the squares of the values add up to the squares of the numbers, also for 70 columns', () => {
    const matrix = random(90, 70, 5);
    const square = matrix.reduce((sum, x) => sum + x * x, 0);
    const values = singularValues(matrix, 90, 70);
    expect(values.reduce((sum, x) => sum + x * x, 0)).toBeCloseTo(square, 8);
    expect(values).toEqual(values.toSorted().reverse());
  });

  it('a row, a column, a number, and nothing but 0', () => {
    expect(singularValues(Float64Array.of(3, -4), 1, 2)[0]).toBeCloseTo(5, 14);
    expect(singularValues(Float64Array.of(3, -4), 2, 1)[0]).toBeCloseTo(5, 14);
    expect(singularValues(Float64Array.of(-2), 1, 1)[0]).toBeCloseTo(2, 14);
    expect([...singularValues(new Float64Array(6), 3, 2)]).toEqual([0, 0]);
  });

  it('a number that is not finite is refused', () => {
    expect(() => singularValues(Float64Array.of(1, Number.NaN), 1, 2)).toThrow(RangeError);
  });
});
