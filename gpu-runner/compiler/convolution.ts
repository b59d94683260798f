/** @file Two-dimensional convolution. Its gradients are convolutions too: engines need one kernel for all orders. */
import { gather, pad, reshape, slice, transpose } from './functions.ts';
import type { OpAttrs } from './ops.ts';
import { GraphError, type Pair } from './shapes.ts';
import type { Shape } from './tensor.ts';
import type { Value } from './trace.ts';

type Attrs = OpAttrs['conv2d'];

export interface Conv2dOptions {
  /** Steps along rows and columns, or one number for both; default 1. */
  readonly stride?: number | Pair;
  readonly dilation?: number | Pair;
  /** Zeros on both sides of rows and of columns, or above, left, below and right; default 0. */
  readonly padding?: number | Pair | Attrs['padding'];
  /** Number of groups of channels; a group sees only its own input channels. Default 1. */
  readonly groups?: number;
}

/** One number for rows and columns, or one each. */
export function pairOf(x: number | Pair): Pair {
  return typeof x === 'number' ? [x, x] : x;
}

/**
 * Cross-correlation without bias: x [batch, channels, rows, columns] and
 * weight [outputs, channels / groups, kernel rows, kernel columns] -> [batch, outputs, ...].
 */
export function conv2d(
  x: Value,
  weight: Value,
  { stride = 1, dilation = 1, padding = 0, groups = 1 }: Conv2dOptions = {},
): Value {
  const [above, left, below = above, right = left] = typeof padding === 'number' ? pairOf(padding) : padding;
  return x.builder.emit('conv2d', [x, weight], {
    stride: pairOf(stride),
    dilation: pairOf(dilation),
    padding: [above, left, below, right],
    groups,
  });
}

/**
 * Cotangent of x from `ct`, the cotangent of the result. Puts zeros between the elements of `ct` where the stride
 * skipped, and convolves it with the kernel turned by 180 degrees, inputs and outputs swapped.
 */
export function conv2dInputGradient(ct: Value, weight: Value, shape: Shape, attrs: Attrs): Value {
  const { stride, dilation, padding, groups } = attrs;
  const [outputs = 0, channels = 0, ...kernel] = weight.shape;
  const spread = spreadOut(ct, stride);
  const reach = dilation.map((step, i) => step * ((kernel[i] ?? 1) - 1));
  const before = reach.map((size, i) => size - (padding[i] ?? 0));
  const after = before.map((size, i) => (shape[i + 2] ?? 0) + (reach[i] ?? 0) - (spread.shape[i + 2] ?? 0) - size);
  const fitted = padOrCrop(spread, [0, 0, ...before], [0, 0, ...after]);
  const grouped = reshape(weight, [groups, outputs / groups, channels, ...kernel]);
  const swapped = reshape(transpose(grouped, [0, 2, 1, 3, 4]), [groups * channels, outputs / groups, ...kernel]);
  return ct.builder.emit('conv2d', [fitted, turn(swapped)], {
    stride: [1, 1],
    dilation,
    padding: [0, 0, 0, 0],
    groups,
  });
}

/** Cotangent of the weight: x convolved with `ct`, with batch and channels swapped, and stride and dilation swapped. */
export function conv2dWeightGradient(ct: Value, x: Value, shape: Shape, attrs: Attrs): Value {
  const { stride, dilation, padding, groups } = attrs;
  const [batch = 0, channels = 0, rows = 0, columns = 0] = x.shape;
  const [outputs = 0, perGroup = 0, kernelRows = 0, kernelColumns = 0] = shape;
  const grouped = transpose(reshape(x, [batch, groups, channels / groups, rows, columns]), [2, 1, 0, 3, 4]);
  const swapped = reshape(grouped, [perGroup, groups * batch, rows, columns]);
  const all = ct.builder.emit('conv2d', [swapped, transpose(ct, [1, 0, 2, 3])], {
    stride: dilation,
    dilation: stride,
    padding,
    groups,
  });
  // The stride left out the last rows and columns. Their products would belong to a larger kernel.
  const cut = slice(slice(all, 2, 0, kernelRows), 3, 0, kernelColumns);
  if (cut.shape[1] !== outputs) throw new GraphError(`expected ${outputs} outputs, got [${cut.shape.join(', ')}]`);
  return transpose(cut, [1, 0, 2, 3]);
}

/** Inserts stride - 1 zeros between the rows and columns of x [n, c, rows, columns]. */
function spreadOut(x: Value, [down, across]: Pair): Value {
  if (down === 1 && across === 1) return x;
  const [batch = 0, channels = 0, rows = 0, columns = 0] = x.shape;
  const cells = reshape(x, [batch, channels, rows, 1, columns, 1]);
  const padded = pad(cells, [0, 0, 0, 0, 0, 0], [0, 0, 0, down - 1, 0, across - 1]);
  const spread = reshape(padded, [batch, channels, rows * down, columns * across]);
  return slice(slice(spread, 2, 0, (rows - 1) * down + 1), 3, 0, (columns - 1) * across + 1);
}

/** Pads with zeros where a size is positive, cuts off where it is negative. */
function padOrCrop(x: Value, before: readonly number[], after: readonly number[]): Value {
  const padded = pad(
    x,
    before.map(size => Math.max(0, size)),
    after.map(size => Math.max(0, size)),
  );
  return padded.shape.reduce((part, size, axis) => {
    const [start, end] = [Math.max(0, -(before[axis] ?? 0)), size + Math.min(0, after[axis] ?? 0)];
    return slice(part, axis, start, end);
  }, padded);
}

/** Reverses the last two axes. */
function turn(x: Value): Value {
  const [outputs = 0, channels = 0, rows = 0, columns = 0] = x.shape;
  const size = rows * columns;
  if (size === 1) return x;
  const reversed = Array.from({ length: size }, (_, i) => size - 1 - i);
  const flat = reshape(x, [outputs, channels, size]);
  return reshape(gather(flat, x.builder.constant(reversed, [size], 'i32'), 2), x.shape);
}
