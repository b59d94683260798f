/** @file Other sizes of a grid of cells, one axis after the other. Exact in f32: no matrix product. */
import { add, gather, mul, reduceMean, reshape } from './functions.ts';
import { GraphError } from './shapes.ts';
import { formatType } from './tensor.ts';
import type { Value } from './trace.ts';

/**
 * x [..., size, ...] -> [..., target, ...] along one axis. Fewer cells are means over the parts of x that they cover
 * (PyTorch's `interpolate(mode='area')` where the sizes divide). More cells lie linearly between the centres of those
 * of x, as with `interpolate(mode='bilinear', align_corners=False)`. @throws GraphError
 */
export function resample(x: Value, axis: number, target: number): Value {
  const size = x.shape[axis] ?? 0;
  if (!Number.isInteger(target) || target < 1 || size < 1) {
    throw new GraphError(`cannot resample axis ${axis} of ${formatType(x)} to ${target}: expected a whole number`);
  }
  if (size === target) return x;
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  if (size % target === 0) {
    const parts = reshape(x, [...before, target, size / target, ...after]);
    return reshape(reduceMean(parts, [axis + 1]), [...before, target, ...after]);
  }
  return applyTaps(
    x,
    axis,
    Array.from({ length: target }, (_, i) => (target < size ? covered : between)(i, size, target)),
  );
}

/** A cell of the result as a weighted sum of cells of x. @param cells For each result the cells that it takes. */
function applyTaps(x: Value, axis: number, cells: readonly (readonly Tap[])[]): Value {
  const { builder, dtype, shape } = x;
  const column = [cells.length, ...shape.slice(axis + 1).map(() => 1)];
  return placesOf(cells)
    .map(({ indices, weights }) => {
      const taken = gather(x, builder.constant(indices, [cells.length], 'i32'), axis);
      return mul(taken, builder.constant(weights.map(Math.fround), column, dtype));
    })
    .reduce((sum, part) => add(sum, part));
}

/** A kernel of {@link interpolate}, of the distance in cells. */
export type Kernel = 'linear' | 'cubic';

/**
 * x [..., size, ...] -> [..., target, ...] along one axis, as PyTorch's `interpolate` with mode bilinear or bicubic and
 * `align_corners=False` does it. @param antialias Widens the kernel where cells become fewer, as Pillow does.
 */
export function interpolate(x: Value, axis: number, target: number, kernel: Kernel, antialias: boolean): Value {
  const size = x.shape[axis] ?? 0;
  const cells = Array.from({ length: target }, (_, i) => kernelTaps(i, size, target, kernel, antialias));
  return size === target ? x : applyTaps(x, axis, cells);
}

/** x [batch, rows, columns, width] -> [batch, the given rows and columns, width]. */
export function resampleGrid(x: Value, rows: number, columns: number): Value {
  return resample(resample(x, 1, rows), 2, columns);
}

/** The same number of taps for each cell: for each place of the sum, the index and the weight of every result. */
function placesOf(cells: readonly (readonly Tap[])[]) {
  const most = Math.max(...cells.map(({ length }) => length));
  return Array.from({ length: most }, (_, place) => ({
    indices: cells.map(taps => taps[place]?.index ?? 0),
    weights: cells.map(taps => taps[place]?.weight ?? 0),
  }));
}

interface Tap {
  readonly index: number;
  readonly weight: number;
}

/** The cells that the result i covers, by the shares that they have of it. */
function covered(i: number, size: number, target: number): Tap[] {
  const [start, end] = [(i * size) / target, ((i + 1) * size) / target];
  const first = Math.floor(start);
  return Array.from({ length: Math.ceil(end - 1e-9) - first }, (_, k) => {
    const index = first + k;
    const length = Math.min(end, index + 1) - Math.max(start, index);
    return { index, weight: (length * target) / size };
  });
}

/** The two cells between whose centres that of the result i lies. Beyond the outer centres the edge goes on. */
function between(i: number, size: number, target: number): Tap[] {
  const centre = Math.min(size - 1, Math.max(0, ((i + 0.5) * size) / target - 0.5));
  const index = Math.min(Math.floor(centre), size - 2);
  if (index < 0) return [{ index: 0, weight: 1 }];
  return [
    { index, weight: 1 - (centre - index) },
    { index: index + 1, weight: centre - index },
  ];
}

/** Weights of a kernel at a distance, and the distance from which on they are 0. `a` is the slope of the cubic one. */
const KERNELS: Readonly<Record<Kernel, { readonly reach: number; weigh(distance: number, a: number): number }>> = {
  linear: { reach: 1, weigh: d => Math.max(0, 1 - d) },
  // Keys, IEEE ASSP 29 (1981).
  cubic: {
    reach: 2,
    weigh: (d, a) => (d < 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0),
  },
};

/** PyTorch's slope of the cubic kernel, and Pillow's, which PyTorch takes with antialiasing. */
const SLOPE = { plain: -0.75, antialiased: -0.5 } as const;

function kernelTaps(i: number, size: number, target: number, kernel: Kernel, antialias: boolean): Tap[] {
  const { reach, weigh } = KERNELS[kernel];
  const wide = antialias ? Math.max(1, size / target) : 1;
  const centre = ((i + 0.5) * size) / target - 0.5;
  const slope = antialias ? SLOPE.antialiased : SLOPE.plain;
  const first = Math.floor(centre - reach * wide) + 1;
  const count = Math.ceil(centre + reach * wide) - first;
  const taps = Array.from({ length: count }, (_, k) => ({
    index: first + k,
    weight: weigh(Math.abs(first + k - centre) / wide, slope),
  })).filter(({ weight }) => weight !== 0);
  // Outside, the plain kernel sees the cell of the edge again, and the antialiased one nothing.
  const seen = antialias ? taps.filter(({ index }) => index >= 0 && index < size) : taps;
  const total = seen.reduce((sum, { weight }) => sum + weight, 0);
  return seen.map(({ index, weight }) => ({
    index: Math.min(size - 1, Math.max(0, index)),
    weight: weight / total,
  }));
}
