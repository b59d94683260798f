import { expect, test } from 'vitest';
import { cosineOfTurn, dctBasis, transformCells } from './dct.ts';

test('cosineOfTurn agrees with Math.cos for rational turns', () => {
  for (let n = 1; n <= 128; n++) {
    for (let k = 0; k <= 3 * n; k++) {
      expect(Math.abs(cosineOfTurn(k, n) - Math.cos((2 * Math.PI * k) / n))).toBeLessThan(1e-14);
    }
  }
  expect(cosineOfTurn(0, 7)).toBe(1);
  expect(cosineOfTurn(1, 2)).toBe(-1);
});

test('the whole DCT basis is orthonormal', () => {
  for (const size of [1, 2, 3, 8, 32]) {
    const { data } = dctBasis(size, size);
    for (let a = 0; a < size; a++) {
      for (let b = 0; b < size; b++) {
        let sum = 0;
        for (let x = 0; x < size; x++) sum += (data[a * size + x] ?? 0) * (data[b * size + x] ?? 0);
        expect(sum).toBeCloseTo(a === b ? 1 : 0, 12);
      }
    }
  }
});

test('transformCells agrees with the definition of the DCT', () => {
  const [width, height, size] = [12, 8, 4];
  const plane = Float64Array.from({ length: width * height }, (_, i) => Math.sin(i * 1.7) + i / 50);
  const coefficients = transformCells(plane, width, height, dctBasis(3, size));
  expect(coefficients).toHaveLength(3 * 2 * 9);
  const norm = (u: number) => Math.sqrt((u === 0 ? 1 : 2) / size);
  for (let row = 0; row < 2; row++) {
    for (let column = 0; column < 3; column++) {
      for (let v = 0; v < 3; v++) {
        for (let u = 0; u < 3; u++) {
          let sum = 0;
          for (let y = 0; y < size; y++) {
            for (let x = 0; x < size; x++) {
              sum +=
                (plane[(row * size + y) * width + column * size + x] ?? 0) *
                Math.cos((Math.PI * (2 * x + 1) * u) / (2 * size)) *
                Math.cos((Math.PI * (2 * y + 1) * v) / (2 * size));
            }
          }
          expect(coefficients[((row * 3 + column) * 3 + v) * 3 + u]).toBeCloseTo(sum * norm(u) * norm(v), 10);
        }
      }
    }
  }
});
