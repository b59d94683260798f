import { expect, it } from 'vitest';
import { interpret } from '../engines/reference/engine.ts';
import { resample, resampleGrid } from './resample.ts';
import { trace } from './trace.ts';

const numbers = (count: number) => Float64Array.from({ length: count }, (_, i) => Math.sin(3 * i) + i / 10);

function run(shape: readonly number[], target: readonly [number, number]): number[] {
  const graph = trace(builder => ({
    outputs: { y: resampleGrid(builder.input('x', { shape, dtype: 'f32' }), ...target) },
  }));
  const count = shape.reduce((a, b) => a * b, 1);
  return [...(interpret(graph, { x: { shape, data: numbers(count) } }, new Map()).outputs.y?.data ?? [])];
}

/** Every cell repeated `factor` times, then means of `size` neighbours: exact for any ratio. */
function areaOf(row: readonly number[], target: number): number[] {
  const fine = row.flatMap(x => new Array<number>(target).fill(x));
  return Array.from({ length: target }, (_, i) => {
    const part = fine.slice(i * row.length, (i + 1) * row.length);
    return part.reduce((a, b) => a + b, 0) / row.length;
  });
}

it.each([
  [6, 3],
  [6, 4],
  [7, 3],
  [5, 1],
])('%i cells in a row become %i by the share of the picture that each covers', (size, target) => {
  const expected = areaOf([...numbers(size)], target);
  expect(run([1, 1, size, 1], [1, target])).toEqual(expected.map(x => expect.closeTo(x, 6)));
});

it.each([
  [2, 4, [0, 0.25, 0.75, 1]],
  [3, 4, [0, 0.625, 1.375, 2]],
  [1, 3, [0, 0, 0]],
])('%i cells with the numbers 0, 1, ... become %i that lie between their centres', (size, target, expected) => {
  const graph = trace(builder => {
    const x = builder.constant(
      Array.from({ length: size }, (_, i) => i),
      [size],
    );
    return { outputs: { y: resample(x, 0, target) } };
  });
  const { outputs } = interpret(graph, {}, new Map());
  expect([...(outputs.y?.data ?? [])]).toEqual(expected.map(x => expect.closeTo(x, 7)));
});

it('rows and columns are resampled apart, and the numbers of a cell stay together', () => {
  const [rows, columns, width] = [4, 3, 2];
  const all = numbers(rows * columns * width);
  const at = (r: number, c: number, k: number) => all[(r * columns + c) * width + k] ?? Number.NaN;
  const expected = [0, 1].flatMap(r =>
    [0, 1, 2].flatMap(c => [0, 1].map(k => (at(2 * r, c, k) + at(2 * r + 1, c, k)) / 2)),
  );
  expect(run([1, rows, columns, width], [2, 3])).toEqual(expected.map(x => expect.closeTo(x, 6)));
});

it('no cells are refused', () => {
  expect(() => run([1, 2, 2, 1], [0, 1])).toThrow('cannot resample axis 1 of f32[1, 2, 2, 1] to 0');
});
