/**
 * @file Fixed sines and cosines of a place, added to tokens (arXiv 1706.03762, in two axes). Places are whole row and
 * column numbers of image tokens, counted from the upper left corner, whatever the size of the picture.
 */
import { concat, cos, mul, reshape, sin } from '../compiler/functions.ts';
import type { Builder, Value } from '../compiler/trace.ts';

const BASE = 10_000;

function frequenciesOf(hidden: number): number[] {
  const count = hidden / 4;
  return Array.from({ length: count }, (_, k) => BASE ** (-k / count));
}

/**
 * The codes of the cells of a grid, [rows * columns, hidden]: sines and cosines of the row, then of the column. `step`
 * is the height and width of a cell in image tokens.
 */
export function sincosGrid(
  builder: Builder,
  rows: number,
  columns: number,
  hidden: number,
  [stepY, stepX]: readonly [number, number] = [1, 1],
): Value {
  const frequencies = frequenciesOf(hidden);
  const codeOf = (u: number) => [Math.sin, Math.cos].flatMap(turn => frequencies.map(w => turn(u * w)));
  const centre = (cell: number, step: number) => (cell + 0.5) * step - 0.5;
  const values = Array.from({ length: rows * columns }, (_, i) => [
    ...codeOf(centre(Math.floor(i / columns), stepY)),
    ...codeOf(centre(i % columns, stepX)),
  ]);
  return builder.constant(values.flat().map(Math.fround), [rows * columns, hidden]);
}

/** The codes of points given at run time, [batch, tokens, hidden]; x and y [batch, tokens] in image tokens. */
export function sincosPoints(x: Value, y: Value, hidden: number): Value {
  const [batch = 0, tokens = 0] = x.shape;
  const frequencies = frequenciesOf(hidden).map(Math.fround);
  const row = x.builder.constant(frequencies, [frequencies.length]);
  const angles = (u: Value) => mul(reshape(u, [batch, tokens, 1]), row);
  return concat(
    [y, x].flatMap(u => [sin(angles(u)), cos(angles(u))]),
    2,
  );
}
