import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../storage/digest.ts';
import { eigenvectors } from './eigen.ts';

interface Case {
  readonly name: string;
  readonly matrix: readonly (readonly number[])[];
  readonly values: readonly number[];
  readonly vectors: readonly (readonly number[])[];
}

const CASES: readonly Case[] = JSON.parse(readFileSync(new URL('./testdata/eigen.json', import.meta.url), 'utf8'));

it.each(CASES)(
  'the eigenvalues and vectors of a matrix that is $name are those of NumPy',
  ({ matrix, ...expected }) => {
    const size = matrix.length;
    const { values, vectors } = eigenvectors(Float64Array.from(matrix.flat()), size, size);
    const rank = expected.values.filter(value => Math.abs(value) > 1e-9).length;
    expect([...values]).toEqual(expected.values.map(value => expect.closeTo(value, 10)));
    for (let k = 0; k < rank; k++) {
      const ours = vectors.subarray(k * size, (k + 1) * size);
      const same = ours.reduce((sum, x, i) => sum + x * (expected.vectors[k]?.[i] ?? Number.NaN), 0);
      expect(Math.abs(same), `vector ${k}`).toBeCloseTo(1, 10);
      // The sign is ours to choose: the largest number is positive.
      const peak = ours.reduce((most, x) => (Math.abs(x) > Math.abs(most) ? x : most), 0);
      expect(peak).toBeGreaterThan(0);
    }
  },
);

/** The largest distance of products of two vectors from those of unit vectors that are orthogonal. */
function skewOf(vectors: Float64Array, size: number): number {
  let worst = 0;
  for (let a = 0; a < vectors.length; a += size) {
    for (let b = 0; b <= a; b += size) {
      let dot = 0;
      for (let i = 0; i < size; i++) dot += vectors[a + i]! * vectors[b + i]!;
      worst = Math.max(worst, Math.abs(dot - (a === b ? 1 : 0)));
    }
  }
  return worst;
}

/** The largest distance of matrix vector from value vector, as a share of the largest value. */
function errorOf(matrix: Float64Array, vectors: Float64Array, values: Float64Array): number {
  const size = Math.sqrt(matrix.length);
  let worst = 0;
  for (const [k, value] of values.entries()) {
    const vector = vectors.subarray(k * size, (k + 1) * size);
    for (let i = 0; i < size; i++) {
      let dot = 0;
      for (let j = 0; j < size; j++) dot += matrix[i * size + j]! * vector[j]!;
      worst = Math.max(worst, Math.abs(dot - value * vector[i]!));
    }
  }
  return worst / (Math.max(...values.map(Math.abs)) || 1);
}

function square(size: number, at: (i: number, j: number) => number): Float64Array {
  return Float64Array.from({ length: size * size }, (_, k) => at(Math.floor(k / size), k % size));
}

/** Symmetric, of numbers without a pattern. */
const noise = (i: number, j: number) => ((i * j * 7919 + (i + j) * 104_729) % 1009) / 1009 - 0.5;

describe.each([
  ['values that repeat', square(24, (i, j) => (i === j ? 3 : 1)), 24],
  ['one value', square(24, (i, j) => (i === j ? 5 : 0)), 24],
  ['no number but 0', new Float64Array(24 * 24), 24],
  ['blocks beside each other', square(24, (i, j) => (i >> 3 === j >> 3 ? noise(i, j) : 0)), 24],
  [
    'values close to each other',
    square(33, (i, j) => (i === j ? Math.abs(i - 16) : Number(Math.abs(i - j) === 1))),
    33,
  ],
  ['values over 200 powers of two', square(40, (i, j) => 2 ** (-5 * Math.max(i, j)) * (i === j ? 1 : 0.1)), 40],
  ['such values from the last on', square(40, (i, j) => 2 ** (5 * Math.min(i, j) - 195) * (i === j ? 1 : 0.1)), 40],
  ['size 1', Float64Array.of(-4), 1],
  ['size 2', Float64Array.of(0, 1, 1, 0), 2],
  ['256 rows, of which the 30 largest values are asked for', square(256, noise), 30],
])('a matrix with %s', (_, matrix, count) => {
  it('has orthogonal unit vectors that it only stretches', () => {
    const size = Math.sqrt(matrix.length);
    const { values, vectors } = eigenvectors(matrix.slice(), size, count);
    expect(skewOf(vectors, size)).toBeLessThan(1e-12);
    expect(errorOf(matrix, vectors, values)).toBeLessThan(1e-13);
    expect(values).toEqual(values.toSorted().reverse());
  });
});

it('the largest values are the same, to the bit, when fewer are asked for', () => {
  const matrix = square(30, noise);
  const all = eigenvectors(matrix.slice(), 30, 30);
  const some = eigenvectors(matrix.slice(), 30, 5);
  expect(some.values).toEqual(all.values.slice(0, 5));
  expect(some.vectors).toEqual(all.vectors.slice(0, 5 * 30));
});

it('only the lower half is read', () => {
  const matrix = square(20, noise);
  const lower = square(20, (i, j) => (j <= i ? noise(i, j) : Number.NaN));
  expect(eigenvectors(lower, 20, 3)).toEqual(eigenvectors(matrix, 20, 3));
});

it('a number that is not finite is refused', () => {
  const matrix = square(6, (i, j) => (i + j === 7 ? Number.NaN : 1));
  expect(() => eigenvectors(matrix, 6, 2)).toThrow(RangeError);
});

it('equal matrices give equal bytes', () => {
  const { vectors } = eigenvectors(square(100, noise), 100, 10);
  // As computed on other machines.
  expect(digestOf(new Uint8Array(vectors.buffer))).toMatchInlineSnapshot(
    `"sha256:1cc1d8019cdaa338da3ff4c4c347b1c3e417002b65db84a1abff970bc454285a"`,
  );
});
