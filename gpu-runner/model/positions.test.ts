import { describe, expect, it } from 'vitest';
import { trace } from '../compiler/trace.ts';
import { interpret } from '../engines/reference/engine.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import { FOURIER_DIM, fourierFeatures, fourierTable, frameOf, gridRotation, pointRotation } from './positions.ts';

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

describe.each([
  ['in a wide picture', { rows: 4, columns: 9 }, 6],
  ['in a tall picture of twice the resolution', { rows: 18, columns: 8 }, 6],
])('the frame of places, %s', (_, grid, trained) => {
  const { model } = tinyConfig({ model: { tokens_per_side: trained } });
  const { turn, edge } = frameOf(model, grid);

  it('a joint on the centre of a token has the features and the rotation of the token', () => {
    const [row, column] = [1, grid.columns - 1];
    const cell = row * grid.columns + column;
    // As a pose gives it: in [-1, 1] of each side.
    const [y, x] = [(2 * row + 1) / grid.rows - 1, (2 * column + 1) / grid.columns - 1];
    const graph = trace(builder => {
      const point = (value: number) => builder.constant([value], [1, 1]);
      const half = { x: (turn * grid.columns) / 2, y: (turn * grid.rows) / 2 };
      const rotation = pointRotation(point(x * half.x), point(y * half.y), HEAD_DIM);
      return {
        outputs: {
          tokens: fourierTable(builder, grid.rows, grid.columns),
          joint: fourierFeatures(point(x * edge.x), point(y * edge.y)),
          turns: gridRotation(builder, grid.rows, grid.columns, HEAD_DIM, [turn, turn]).cos,
          jointTurns: rotation.cos,
        },
      };
    });
    const { outputs } = interpret(graph, {});
    const rowOf = (name: string, width: number) =>
      [...(outputs[name]?.data ?? [])].slice(cell * width, (cell + 1) * width);
    const near = (name: string) => [...(outputs[name]?.data ?? [])].map(value => expect.closeTo(value, 6));
    expect(rowOf('tokens', FOURIER_DIM)).toEqual(near('joint'));
    expect(rowOf('turns', HEAD_DIM)).toEqual(near('jointTurns'));
  });
});

it('a place has one rotation at any resolution', () => {
  const { model } = tinyConfig({ model: { tokens_per_side: 5 } });
  const [coarse, fine] = [
    { rows: 2, columns: 3 },
    { rows: 6, columns: 9 },
  ];
  const graph = trace(builder => {
    const turnsOf = (grid: typeof coarse) => {
      const { turn } = frameOf(model, grid);
      return gridRotation(builder, grid.rows, grid.columns, HEAD_DIM, [turn, turn]).sin;
    };
    return { outputs: { coarse: turnsOf(coarse), fine: turnsOf(fine) } };
  });
  const { outputs } = interpret(graph, {});
  const rowOf = (name: string, cell: number) =>
    [...(outputs[name]?.data ?? [])].slice(cell * HEAD_DIM, (cell + 1) * HEAD_DIM);
  for (const [row, column] of [
    [0, 0],
    [1, 2],
  ] as const) {
    // The middle one of three times three cells.
    const middle = (3 * row + 1) * fine.columns + 3 * column + 1;
    expect(rowOf('fine', middle)).toEqual(rowOf('coarse', row * 3 + column).map(x => expect.closeTo(x, 6)));
  }
});

it('a model without tokens per side counts the tokens of any picture, and joints by each side', () => {
  expect(frameOf(tinyConfig().model, { rows: 4, columns: 9 })).toEqual({ turn: 1, edge: { y: 1, x: 1 } });
});
