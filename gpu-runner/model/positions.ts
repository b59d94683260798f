/**
 * @file The place of a token: rotary embedding of queries and keys in two axes (RoFormer, arXiv 2104.09864), and
 * Fourier features.
 */
import type { ModelConfig } from '../../configs/schema.ts';
import { concat, cos, mul, reshape, sin } from '../compiler/functions.ts';
import type { Rotation } from '../compiler/rotary.ts';
import type { Builder, Value } from '../compiler/trace.ts';

/** Base of the rotary frequencies: small grids need no long wave lengths. */
const ROPE_BASE = 100;
/** Half-periods over the picture of the lowest and highest Fourier feature are 2^0 ... 2^(n-1). */
const FOURIER_BANDS = 4;

/**
 * The frame of the places in a picture: 0 at the centre, and 1 at half of the mean side. So a place does not depend on
 * resolution, and pictures of one area and different aspect share their places.
 */
export interface PositionFrame {
  /** Rotation per token, relative to a training picture. */
  readonly turn: number;
  /** Coordinates of the lower and the right edge. */
  readonly edge: { readonly y: number; readonly x: number };
}

/** Image tokens of a picture. */
interface TokenCounts {
  readonly rows: number;
  readonly columns: number;
}

export function frameOf({ tokens_per_side: trained }: ModelConfig, { rows, columns }: TokenCounts): PositionFrame {
  if (trained === undefined) return { turn: 1, edge: { y: 1, x: 1 } };
  const mean = Math.sqrt(rows * columns);
  return { turn: trained / mean, edge: { y: rows / mean, x: columns / mean } };
}

/** Centres of the patches in units of patches from the picture's centre, [rows * columns] each. */
export function gridCentres(
  rows: number,
  columns: number,
): { readonly y: readonly number[]; readonly x: readonly number[] } {
  const cells = Array.from({ length: rows * columns }, (_, i) => i);
  return {
    y: cells.map(i => Math.floor(i / columns) - (rows - 1) / 2),
    x: cells.map(i => (i % columns) - (columns - 1) / 2),
  };
}

function ropeFrequencies(headDim: number): number[] {
  const count = headDim / 4;
  return Array.from({ length: count }, (_, k) => ROPE_BASE ** (-k / count));
}

/**
 * Rotations of the cells of a grid, [tokens, headDim]. The first half of the channels rotates with y, the second with
 * x. `step` is the height and width of a cell in image tokens: cells of a fine and a coarse grid at the same place of
 * the picture get the same angles.
 */
export function gridRotation(
  builder: Builder,
  rows: number,
  columns: number,
  headDim: number,
  [stepY, stepX]: readonly [number, number] = [1, 1],
): Rotation {
  const { x, y } = gridCentres(rows, columns);
  const frequencies = ropeFrequencies(headDim);
  const table = (turn: (angle: number) => number) => {
    const values = y.flatMap((cellY, i) =>
      [cellY * stepY, (x[i] ?? 0) * stepX].flatMap(coordinate =>
        frequencies.flatMap(w => [turn(coordinate * w), turn(coordinate * w)]),
      ),
    );
    return builder.constant(values.map(Math.fround), [rows * columns, headDim]);
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** Rotations at points given at run time: x and y [batch, tokens] in units of patches from the centre. */
export function pointRotation(x: Value, y: Value, headDim: number): Rotation {
  const [batch = 0, tokens = 0] = x.shape;
  const frequencies = ropeFrequencies(headDim).flatMap(w => [w, w]);
  const row = x.builder.constant(frequencies.map(Math.fround), [frequencies.length]);
  const turn = (coordinate: Value) => mul(reshape(coordinate, [batch, 1, tokens, 1]), row);
  const angles = concat([turn(y), turn(x)], 3);
  return { cos: cos(angles), sin: sin(angles) };
}

/** Numbers per point of {@link fourierTable}. */
export const FOURIER_DIM = 4 * FOURIER_BANDS + 2;

/** Fourier features [tokens, {@link FOURIER_DIM}] of the patch centres. The picture's mean side is [-1, 1]. */
export function fourierTable(builder: Builder, rows: number, columns: number): Value {
  const { x, y } = gridCentres(rows, columns);
  const half = Math.sqrt(rows * columns) / 2;
  const values = y.flatMap((cellY, i) => fourierOf([cellY / half, (x[i] ?? 0) / half]));
  return builder.constant(values.map(Math.fround), [rows * columns, FOURIER_DIM]);
}

function fourierOf(point: readonly number[]): number[] {
  return point.flatMap(u => [
    u,
    ...Array.from({ length: FOURIER_BANDS }, (_, k) => [
      Math.sin(Math.PI * 2 ** k * u * 0.5),
      Math.cos(Math.PI * 2 ** k * u * 0.5),
    ]).flat(),
  ]);
}

/** Fourier features [batch, tokens, {@link FOURIER_DIM}] of points in [-1, 1] given at run time. */
export function fourierFeatures(x: Value, y: Value): Value {
  const [batch = 0, tokens = 0] = x.shape;
  const columns = [y, x].flatMap(u => {
    const column = reshape(u, [batch, tokens, 1]);
    const bands = Array.from({ length: FOURIER_BANDS }, (_, k) => {
      const angle = mul(column, Math.PI * 2 ** k * 0.5);
      return [sin(angle), cos(angle)];
    });
    return [column, ...bands.flat()];
  });
  return concat(columns, 2);
}
