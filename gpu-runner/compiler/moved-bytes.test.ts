import { expect, it } from 'vitest';
import * as f from './functions.ts';
import { countMovedBytes } from './moved-bytes.ts';
import { trace, type Value } from './trace.ts';

/** In matrices of 4 x 8 numbers, which have 128 bytes. */
const countMatrices = (build: (x: Value) => Value) =>
  countMovedBytes(trace(builder => ({ outputs: { y: build(builder.input('x', { shape: [4, 8], dtype: 'f32' })) } }))) /
  128;

it.each<[string, number, (x: Value) => Value]>([
  ['the operand and the result of a function', 2, x => f.exp(x)],
  ['each operand, also the same one twice', 3, x => f.mul(x, x)],
  ['one row of four of an operand of which one row is taken', 0.5, x => f.slice(x, 0, 1, 2)],
  ['nothing of a matrix product', 0, x => f.matmul(x, x, { transposeB: true })],
  ['nothing of a result that is the operand in another shape', 0, x => f.reshape(x, [32])],
])('moved bytes have %s', (_, matrices, build) => {
  expect(countMatrices(build)).toBe(matrices);
});
