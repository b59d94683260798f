import { expect, it } from 'vitest';
import * as f from './functions.ts';
import { peakLiveBytes } from './live-bytes.ts';
import { type Builder, trace, type Value } from './trace.ts';

const SIZE = 1000;
const BYTES = 4 * SIZE;

function peakOf(make: (x: Value, builder: Builder) => Value): number {
  const graph = trace(builder => {
    const x = builder.input('x', { shape: [SIZE], dtype: 'f32' });
    return { outputs: { y: make(x, builder) } };
  });
  return peakLiveBytes(graph);
}

it('peak bytes: each value is freed after its last reader', () => {
  const chain = (length: number) => (x: Value) => Array.from({ length }).reduce<Value>(value => f.exp(value), x);
  expect(peakOf(chain(2))).toBe(3 * BYTES);
  expect(peakOf(chain(20))).toBe(3 * BYTES);
});

it('peak bytes: a value is held until its last reader', () => {
  const both = (x: Value) => {
    const [a, b] = [f.exp(x), f.tanh(x)];
    return f.add(f.exp(a), f.mul(a, b));
  };
  // At the peak: x, a, b, exp(a) and a b. The final sum reuses the bytes of a and b.
  expect(peakOf(both)).toBe(5 * BYTES);
});

it('peak bytes: written state counts once as read and once as written', () => {
  const graph = trace(builder => {
    const w = builder.state('w', { shape: [SIZE], dtype: 'f32' });
    return { outputs: {}, writes: { w: f.exp(w), fresh: f.tanh(w) } };
  });
  expect(peakLiveBytes(graph)).toBe((1 + 1 + 2) * BYTES);
});
