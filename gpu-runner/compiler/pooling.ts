/** @file Pooling of [batch, channels, rows, columns] by slices, one axis after the other: exact in every dtype. */
import { pairOf } from './convolution.ts';
import { broadcast, concat, div, pad, reduceMax, reduceSum, reshape, slice } from './functions.ts';
import { countWindows, GraphError, type Pair } from './shapes.ts';
import { type DType, formatType } from './tensor.ts';
import type { Value } from './trace.ts';

export interface PoolOptions {
  /** Rows and columns of a window, or one number for both. */
  readonly kernel: number | Pair;
  /** Default: the kernel. */
  readonly stride?: number | Pair;
  /** Elements added on both sides of rows and columns, or above, left, below and right; default 0. */
  readonly padding?: number | Pair | readonly [number, number, number, number];
}

/** Smallest finite value of each dtype. */
const LOWEST: Readonly<Partial<Record<DType, number>>> = { f16: -65504, bf16: -3.38e38, f32: -3.4028234e38 };

/** Largest element of every window. Equal maxima share the gradient. @throws GraphError if no window fits. */
export function maxPool(x: Value, options: PoolOptions): Value {
  const lowest = x.builder.constant([LOWEST[x.dtype] ?? 0], [], x.dtype);
  return pool(x, options, lowest, windows => reduceMax(windows, [2]));
}

/** Mean of every window; padding counts unless `countPadding` is false. @throws GraphError if no window fits. */
export function avgPool(
  x: Value,
  { countPadding = true, ...options }: PoolOptions & { countPadding?: boolean },
): Value {
  const zero = x.builder.constant([0], [], x.dtype);
  const total = (values: Value) => pool(values, options, zero, windows => reduceSum(windows, [2]));
  const [rows, columns] = pairOf(options.kernel);
  if (countPadding) return div(total(x), rows * columns);
  const [, , height = 0, width = 0] = x.shape;
  return div(total(x), total(x.builder.constant([1], [1, 1, height, width], x.dtype)));
}

function pool(
  x: Value,
  { kernel, stride = kernel, padding = 0 }: PoolOptions,
  fill: Value,
  reduce: (windows: Value) => Value,
): Value {
  const [batch = 0, channels = 0, height = 0, width = 0] = x.shape;
  const [sizes, steps] = [pairOf(kernel), pairOf(stride)];
  const [above, left, below = above, right = left] = typeof padding === 'number' ? pairOf(padding) : padding;
  const borders = [above, left, below, right];
  const rows = countWindows(height + above + below, sizes[0], steps[0]);
  const columns = countWindows(width + left + right, sizes[1], steps[1]);
  const isWhole = [...sizes, ...steps].every(n => Number.isInteger(n) && n >= 1);
  if (
    x.shape.length !== 4 ||
    !isWhole ||
    rows < 1 ||
    columns < 1 ||
    borders.some((size, i) => size >= (sizes[i % 2] ?? 0))
  ) {
    throw new GraphError(
      `cannot pool ${formatType(x)} with kernel ${sizes}, stride ${steps}, padding ${borders}: ` +
        'expected [n, c, h, w] and a kernel that fits and is larger than its padding',
    );
  }
  const tall = poolAxis(reshape(x, [-1, height, width]), sizes[0], steps[0], above, below);
  const wide = poolAxis(reshape(tall, [-1, width, 1]), sizes[1], steps[1], left, right);
  return reshape(wide, [batch, channels, rows, columns]);

  /** [outer, length, inner] -> [outer, windows, inner]. */
  function poolAxis(value: Value, size: number, step: number, before: number, after: number): Value {
    const [outer = 0, length = 0, inner = 0] = value.shape;
    const sideOf = (border: number) => (border === 0 ? [] : [broadcast(fill, [outer, border, inner])]);
    const padded = concat([...sideOf(before), value, ...sideOf(after)], 1);
    const count = countWindows(length + before + after, size, step);
    return reshape(reduce(windowsOf(padded, size, step, count)), [outer, count, inner]);
  }
}

/** x [outer, length, inner] -> [outer, count, size, inner]: windows that start every `step` elements. */
function windowsOf(x: Value, size: number, step: number, count: number): Value {
  const [outer = 0, length = 0, inner = 0] = x.shape;
  if (size === step) return reshape(slice(x, 1, 0, count * size), [outer, count, size, inner]);
  // The last window may end before its stride does. The padding fills that stride and is cut off below.
  const missing = Math.max(0, size - 1 + count * step - length);
  const long = pad(x, [0, 0, 0], [0, missing, 0]);
  const places = Array.from({ length: size }, (_, place) => {
    const starts = reshape(slice(long, 1, place, place + count * step), [outer, count, step, inner]);
    return slice(starts, 2, 0, 1);
  });
  return concat(places, 2);
}
