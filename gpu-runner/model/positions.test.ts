import { expect, it } from 'vitest';
import { trace } from '../compiler/trace.ts';
import { interpret } from '../engines/reference/engine.ts';
import { gridRotation, pointRotation } from './positions.ts';

const HEAD_DIM = 8;

/** Cosines and sines of two rotations, side by side. */
function evaluate(rows: number, columns: number, step: readonly [number, number], y: number[], x: number[]) {
  const graph = trace(builder => {
    const grid = gridRotation(builder, rows, columns, HEAD_DIM, step);
    const row = (values: number[]) => builder.constant(values, [1, values.length]);
    const points = pointRotation(row(x), row(y), HEAD_DIM);
    return { outputs: { cos: grid.cos, sin: grid.sin, pointCos: points.cos, pointSin: points.sin } };
  });
  const { outputs } = interpret(graph, {});
  const numbers = (name: string) => [...(outputs[name]?.data ?? [])];
  return {
    grid: [...numbers('cos'), ...numbers('sin')],
    points: [...numbers('pointCos'), ...numbers('pointSin')],
  };
}

it.each([
  ['image tokens', 2, 3, [1, 1], [-0.5, 0.5], [-1, 0, 1]],
  [
    'cells half as high and a third as wide',
    4,
    6,
    [0.5, 1 / 3],
    [-0.75, -0.25, 0.25, 0.75],
    [-5, -3, -1, 1, 3, 5].map(k => k / 6),
  ],
  ['one cell over all', 1, 1, [2, 3], [0], [0]],
] as const)(
  'a grid of %s gets the rotations of points at the centres of its cells',
  (_, rows, columns, step, ys, xs) => {
    const [y, x] = [ys.flatMap(each => xs.map(() => each)), ys.flatMap(() => [...xs])];
    const { grid, points } = evaluate(rows, columns, step, y, x);
    expect(grid).toHaveLength(2 * rows * columns * HEAD_DIM);
    expect(grid).toEqual(points.map(value => expect.closeTo(value, 6)));
  },
);
