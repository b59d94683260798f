/** @file Other sizes of a grid of cells, one axis after the other. Exact in f32: no matrix product. */
import { add, gather, mul, reduceMean, reshape } from './functions.ts';
import { GraphError } from './shapes.ts';
import { formatType } from './tensor.ts';
import type { Value } from './trace.ts';

/** A cell of the result as a weighted sum of cells: the same number of cells for each. */
interface Taps {
  /** For each place of the sum, the index and the weight of every result. */
  readonly places: readonly { readonly indices: readonly number[]; readonly weights: readonly number[] }[];
}

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
  const { builder, dtype } = x;
  const column = [target, ...after.map(() => 1)];
  return tapsOf(size, target)
    .places.map(({ indices, weights }) => {
      const cells = gather(x, builder.constant(indices, [target], 'i32'), axis);
      return mul(cells, builder.constant(weights.map(Math.fround), column, dtype));
    })
    .reduce((sum, part) => add(sum, part));
}

/** x [batch, rows, columns, width] -> [batch, the given rows and columns, width]. */
export function resampleGrid(x: Value, rows: number, columns: number): Value {
  return resample(resample(x, 1, rows), 2, columns);
}

function tapsOf(size: number, target: number): Taps {
  const cells = Array.from({ length: target }, (_, i) => (target < size ? covered : between)(i, size, target));
  const most = Math.max(...cells.map(({ length }) => length));
  const places = Array.from({ length: most }, (_, place) => ({
    indices: cells.map(taps => taps[place]?.index ?? 0),
    weights: cells.map(taps => taps[place]?.weight ?? 0),
  }));
  return { places };
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
