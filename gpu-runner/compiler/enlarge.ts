import { conv2d } from './convolution.ts';
import { concat, reshape, slice, transpose } from './functions.ts';
import { GraphError } from './shapes.ts';
import { formatType } from './tensor.ts';
import type { Value } from './trace.ts';

/**
 * Enlarges x [n, c, rows, columns] by a whole factor, linearly between the centres of its cells, as PyTorch's
 * `interpolate(mode='bilinear', align_corners=False)`. One convolution makes the factor x factor cells of each cell.
 * @throws GraphError
 */
export function enlarge(x: Value, factor: number): Value {
  const [batch = 0, channels = 0, rows = 0, columns = 0] = x.shape;
  if (x.shape.length !== 4 || !Number.isInteger(factor) || factor < 1) {
    throw new GraphError(`cannot enlarge ${formatType(x)} by ${factor}: expected [n, c, h, w] and a whole factor`);
  }
  if (factor === 1) return x;
  const planes = repeatEdges(repeatEdges(reshape(x, [batch * channels, 1, rows, columns]), 2), 3);
  const taps = Array.from({ length: factor }, (_, phase) => tapsOf(phase, factor));
  const kernels = taps.flatMap(down => taps.flatMap(across => down.flatMap(a => across.map(b => a * b))));
  const cells = conv2d(planes, x.builder.constant(kernels, [factor * factor, 1, 3, 3], x.dtype));
  // Two transposes that move one axis each are faster than one that moves both.
  const apart = reshape(cells, [batch * channels, factor, factor, rows, columns]);
  const wide = reshape(transpose(apart, [0, 1, 3, 4, 2]), [batch * channels, factor, rows, columns * factor]);
  return reshape(transpose(wide, [0, 2, 1, 3]), [batch, channels, rows * factor, columns * factor]);
}

/** Weights of the cell before, the cell itself and the cell after, for one of the `factor` cells that it becomes. */
function tapsOf(phase: number, factor: number): readonly number[] {
  const distance = (phase + 0.5) / factor - 0.5;
  return [Math.max(0, -distance), 1 - Math.abs(distance), Math.max(0, distance)];
}

/** The first and the last slice along an axis twice. */
function repeatEdges(x: Value, axis: number): Value {
  const size = x.shape[axis] ?? 0;
  return concat([slice(x, axis, 0, 1), x, slice(x, axis, size - 1, size)], axis);
}
