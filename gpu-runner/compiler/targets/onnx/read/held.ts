/**
 * @file Moves of tensors, known or not: the same for a host array and for a value of the graph under construction.
 */
import * as graph from '../../../functions.ts';
import { broadcastShapes, GraphError } from '../../../shapes.ts';
import { type Shape, sizeOf } from '../../../tensor.ts';
import type { Value } from '../../../trace.ts';
import { broadcastKnown, concatKnown, Known, takeKnown, transposeKnown } from './known.ts';

/** A tensor of the model while it is read. */
export type Held = Known | Value;

export function isKnown(x: Held): x is Known {
  return x instanceof Known;
}

/** Elements under another shape. @throws GraphError if their number differs, or a size is no whole number. */
export function reshape(x: Held, shape: Shape): Held {
  if (!shape.every(size => Number.isInteger(size) && size >= 0)) {
    throw new GraphError(`[${shape.join(', ')}] is no shape`);
  }
  if (sizeOf(shape) !== sizeOf(x.shape)) {
    throw new GraphError(`[${x.shape.join(', ')}] does not fill [${shape.join(', ')}]`);
  }
  return isKnown(x) ? new Known(x.type, shape, x.data) : graph.reshape(x, shape);
}

export function transpose(x: Held, perm: readonly number[]): Held {
  if (new Set(perm).size !== x.shape.length || perm.some(axis => !(axis >= 0 && axis < x.shape.length))) {
    throw new GraphError(`[${perm.join(', ')}] does not permute the axes of [${x.shape.join(', ')}]`);
  }
  return isKnown(x) ? transposeKnown(x, perm) : graph.transpose(x, perm);
}

/** NumPy broadcasting of x to its shape and `shape` together. */
export function broadcast(x: Held, shape: Shape): Held {
  const whole = broadcastShapes(x.shape, shape);
  return isKnown(x) ? broadcastKnown(x, whole) : graph.broadcast(x, whole);
}

/** @param lift Makes a value of a known tensor. */
export function concat(parts: readonly Held[], axis: number, lift: (part: Held) => Value): Held {
  const [first] = parts;
  const fits = parts.every(
    ({ shape }) =>
      shape.length === first?.shape.length && shape.every((size, i) => i === axis || size === first.shape[i]),
  );
  if (!fits) throw new GraphError(`shapes ${parts.map(part => `[${part.shape.join(', ')}]`).join(' ')} do not join`);
  const known = parts.filter(isKnown);
  return known.length === parts.length ? concatKnown(known, axis) : graph.concat(parts.map(lift), axis);
}

/** Slices of x along the axis at the indices. @throws GraphError for an index outside the axis. */
export function take(x: Held, axis: number, indices: readonly number[]): Held {
  const size = x.shape[axis] ?? 0;
  if (indices.length === 0) throw new GraphError(`nothing is left of axis ${axis} of [${x.shape.join(', ')}]`);
  const outside = indices.find(index => !(Number.isInteger(index) && index >= 0 && index < size));
  if (outside !== undefined) {
    throw new GraphError(`index ${outside} is outside axis ${axis} of [${x.shape.join(', ')}]`);
  }
  if (indices.length === size && indices.every((index, i) => index === i)) return x;
  return isKnown(x) ? takeKnown(x, axis, indices) : takeValue(x, axis, indices);
}

/** By slices and broadcasts where the indices allow it: these are faster than a gather on every engine. */
function takeValue(x: Value, axis: number, indices: readonly number[]): Value {
  const [start = 0, second = start] = indices;
  const count = indices.length;
  const step = second - start;
  const size = x.shape[axis] ?? 0;
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  if (step >= 1 && indices.every((index, i) => index === start + i * step)) {
    if (step === 1) return graph.slice(x, axis, start, start + count);
    const end = start + count * step;
    const whole = graph.slice(x, axis, start, Math.min(size, end));
    const filled = graph.pad(
      whole,
      x.shape.map(() => 0),
      x.shape.map((_, other) => (other === axis ? Math.max(0, end - size) : 0)),
    );
    const rows = graph.reshape(filled, [...before, count, step, ...after]);
    return graph.reshape(graph.slice(rows, axis + 1, 0, 1), [...before, count, ...after]);
  }
  const times = count / size;
  if (Number.isInteger(times) && indices.every((index, i) => index === Math.floor(i / times))) {
    const cells = graph.reshape(x, [...before, size, 1, ...after]);
    return graph.reshape(graph.broadcast(cells, [...before, size, times, ...after]), [...before, count, ...after]);
  }
  if (count === 1) return graph.slice(x, axis, start, start + 1);
  return graph.gather(x, x.builder.constant(indices, [count], 'i32'), axis);
}
