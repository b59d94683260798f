import { describe, expect, it } from 'vitest';
import { trace } from '../compiler/trace.ts';
import { interpret } from '../engines/reference/engine.ts';
import { patchDim, patchify, unpatchify } from './patches.ts';

function pixels(height: number, width: number): Float64Array {
  return Float64Array.from({ length: 2 * height * width }, (_, i) => i + 1);
}

function run(overlap: number, rows: number, columns: number) {
  const geometry = { channels: 2, rows, columns, patch: 4, overlap };
  const shape = [1, 2, rows * 4, columns * 4];
  const graph = trace(builder => {
    const x = builder.input('x', { shape, dtype: 'f32' });
    const tokens = patchify(x, geometry);
    return { outputs: { tokens, back: unpatchify(tokens, geometry) } };
  });
  const data = pixels(rows * 4, columns * 4);
  const { tokens, back } = interpret(graph, { x: { shape, data } }).outputs;
  return { geometry, data, tokens: tokens?.data ?? new Float64Array(), back: back?.data ?? new Float64Array() };
}

describe('patches', () => {
  it('pixels come back unchanged from patches without overlap', () => {
    const { data, back } = run(0, 2, 3);
    expect([...back]).toEqual([...data]);
  });

  it.each([1, 2])('patches see %d pixels of their neighbours, and zeros outside of the picture', overlap => {
    const { geometry, data, tokens } = run(overlap, 2, 3);
    const window = 4 + 2 * overlap;
    const dim = patchDim(geometry);
    for (let row = 0; row < 2; row++) {
      for (let column = 0; column < 3; column++) {
        for (let channel = 0; channel < 2; channel++) {
          for (let i = 0; i < window; i++) {
            for (let j = 0; j < window; j++) {
              const [y, x] = [row * 4 + i - overlap, column * 4 + j - overlap];
              const isInside = y >= 0 && y < 8 && x >= 0 && x < 12;
              const expected = isInside ? data[channel * 96 + y * 12 + x] : 0;
              expect(tokens[(row * 3 + column) * dim + (channel * window + i) * window + j]).toBe(expected);
            }
          }
        }
      }
    }
  });

  it('overlapping windows add up: each pixel times the number of windows that hold it', () => {
    const { data, back } = run(1, 2, 2);
    const windowsOf = (y: number) => (y === 3 || y === 4 ? 2 : 1);
    for (const [i, value] of back.entries()) {
      const [y, x] = [Math.floor(i / 8) % 8, i % 8];
      expect(value).toBe((data[i] ?? 0) * windowsOf(y) * windowsOf(x));
    }
  });
});
