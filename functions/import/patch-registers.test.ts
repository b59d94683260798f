import { expect, test } from 'vitest';
import { toF16Bits } from '../../formats/half.ts';
import { restoreGrid, tellRegisters } from './patch-registers.ts';

const DIM = 32;
/** Numbers of about unit variance. */
function noise(seed: number, length: number): Float32Array {
  let state = seed;
  const draw = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  };
  return Float32Array.from({ length }, () => 2 * (draw() + draw() + draw()));
}

/** Rows of a picture: patches share a direction of their dataset and change slowly; registers have each their own. */
function makeHead(picture: number, registers: number): Float32Array {
  const shared = noise(1, DIM);
  const own = noise(100 + picture, DIM);
  const rows = Array.from({ length: 12 }, (_, row) => {
    const register = noise(10 + row, DIM);
    const local = noise(1000 * picture + row, DIM);
    return Array.from({ length: DIM }, (__, i) =>
      row < registers
        ? 2 * (register[i] ?? 0) + 0.5 * (local[i] ?? 0)
        : (shared[i] ?? 0) + 0.7 * (own[i] ?? 0) + 0.6 * (local[i] ?? 0),
    );
  });
  return Float32Array.from(rows.flat());
}

test.each([1, 4, 16])('registers at the start of %i files are told, and their absence', count => {
  const pictures = Array.from({ length: count }, (_, i) => i + 1);
  expect(
    tellRegisters(
      pictures.map(each => makeHead(each, 4)),
      DIM,
    ),
  ).toBe(4);
  expect(
    tellRegisters(
      pictures.map(each => makeHead(each, 0)),
      DIM,
    ),
  ).not.toBe(4);
});

test('of many files, whole patches are told for sure', () => {
  const whole = Array.from({ length: 64 }, (_, i) => makeHead(i + 1, 0));
  expect([0, undefined]).toContain(tellRegisters(whole, DIM));
});

test('two odd rows at the start are no answer', () => {
  expect(
    tellRegisters(
      [1, 2, 3].map(each => makeHead(each, 2)),
      DIM,
    ),
  ).toBeUndefined();
});

test('the grid moves by four cells, and the lost cells are those above them', () => {
  const truth = Uint16Array.from({ length: 4 * 4 }, (_, cell) => toF16Bits(cell));
  const stored = Uint16Array.from([...Array(4).fill(toF16Bits(99)), ...truth.subarray(0, 12)]);
  const mended = restoreGrid(stored, { columns: 4, dim: 1, registers: 4 });
  expect([...mended.subarray(0, 12)]).toEqual([...truth.subarray(0, 12)]);
  expect([...mended.subarray(12)]).toEqual([...truth.subarray(8, 12)]);
});
