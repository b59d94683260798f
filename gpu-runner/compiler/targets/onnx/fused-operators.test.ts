import { expect, test } from 'vitest';
import * as f from '../../functions.ts';
import { trace, type Value } from '../../trace.ts';
import { lowerToOnnx } from './lower.ts';

const OPERATORS = ['Clip', 'Max', 'Min', 'Mul', 'ReduceSum', 'ReduceSumSquare'];

/** The operators of a function of x [3] in its ONNX program. */
function operatorsOf(build: (x: Value) => Value): string[] {
  const graph = trace(builder => ({ outputs: { y: build(builder.input('x', { shape: [3], dtype: 'f32' })) } }));
  const { bytes } = lowerToOnnx(graph, { fusedMatMul: false });
  // A node holds its type as text behind the tag 0x22 and its length.
  const text = Buffer.from(bytes).toString('latin1');
  return OPERATORS.filter(name => text.includes(`"${String.fromCharCode(name.length)}${name}`));
}

test('a value between two literals is one Clip; with another bound, or read in between, it is Max and Min', () => {
  expect(operatorsOf(x => f.min(f.max(x, 0), 6))).toEqual(['Clip']);
  expect(operatorsOf(x => f.min(f.max(x, 0), x))).toEqual(['Max', 'Min']);
  expect(operatorsOf(x => f.max(f.min(x, 6), 0))).toEqual(['Max', 'Min']);
  const shared = (x: Value) => f.mul(f.min(f.max(x, 0), 6), f.max(x, 0));
  expect(operatorsOf(shared)).toEqual(['Clip', 'Max', 'Mul']);
});

test('a sum of squares is one ReduceSumSquare', () => {
  expect(operatorsOf(x => f.reduceSum(f.square(x), [0]))).toEqual(['ReduceSumSquare']);
  expect(operatorsOf(x => f.reduceSum(f.mul(x, f.max(x, 0)), [0]))).toEqual(['Max', 'Mul', 'ReduceSum']);
});
