import { Internal } from '../../errors.ts';
import { formatType, type Shape, type TensorSpec } from './tensor.ts';

/** An invalid graph: operands that do not fit, or a broken invariant. The message names shapes and origin. */
export class GraphError extends Internal {}

/** NumPy broadcasting of two shapes. @throws GraphError when a pair of sizes differs and neither is 1. */
export function broadcastShapes(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const sizeA = a[axis - rank + a.length] ?? 1;
    const sizeB = b[axis - rank + b.length] ?? 1;
    if (sizeA !== sizeB && sizeA !== 1 && sizeB !== 1) {
      throw new GraphError(`shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    }
    result.push(sizeA === 1 ? sizeB : sizeA);
  }
  return result;
}

/** Axes as non-negative, ascending, distinct numbers. @throws GraphError for an axis out of range. */
export function normalizeAxes(axes: readonly number[], rank: number): number[] {
  const normal = axes.map(axis => (axis < 0 ? axis + rank : axis));
  for (const [index, axis] of normal.entries()) {
    if (axis < 0 || axis >= rank) throw new GraphError(`axis ${axes[index]} is out of range for rank ${rank}`);
  }
  return [...new Set(normal)].sort((a, b) => a - b);
}

export function isSameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Rows and columns. */
export type Pair = readonly [number, number];

/** How many windows of `size` elements, `dilation` apart, fit into an axis when they start every `stride` elements. */
export function countWindows(length: number, size: number, stride = 1, dilation = 1): number {
  return Math.floor((length - dilation * (size - 1) - 1) / stride) + 1;
}

/** Elements between neighbours along each axis, in row-major order. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let axis = shape.length - 2; axis >= 0; axis--)
    strides[axis] = (strides[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  return strides;
}

/** Returns `value` if it has the type that the graph declares. @throws GraphError with `what` as its name. */
export function requireSpec<T extends TensorSpec>(value: T | undefined, spec: TensorSpec, what: string): T {
  if (value === undefined) throw new GraphError(`${what} (${formatType(spec)}) was not given`);
  if (value.dtype !== spec.dtype || !isSameShape(value.shape, spec.shape)) {
    throw new GraphError(`${what} is ${formatType(value)}, expected ${formatType(spec)}`);
  }
  return value;
}
