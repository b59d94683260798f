/**
 * @file Tensors of an ONNX model that are known before it runs: weights, and the arithmetic over shapes that exports
 * are full of. They are computed on the host while the model is read.
 */
import { GraphError, stridesOf } from '../../../shapes.ts';
import { type Shape, sizeOf } from '../../../tensor.ts';

/** Graphs of ours have no i64: its known tensors become i32 where a graph needs them. */
export type KnownType = 'f32' | 'i32' | 'i64' | 'bool';

/** Largest number of elements that a model may make of smaller ones. */
const MOST_ELEMENTS = 2 ** 26;

/** Row-major numbers; a bool is 0 or 1. */
export class Known {
  readonly type: KnownType;
  readonly shape: Shape;
  readonly data: Float32Array | Float64Array;

  constructor(type: KnownType, shape: Shape, data: Float32Array | Float64Array) {
    this.type = type;
    this.shape = shape;
    this.data = data;
  }
}

/** An i64 vector. */
export function knownInts(values: readonly number[]): Known {
  return new Known('i64', [values.length], Float64Array.from(values));
}

/** A tensor of `shape` that reads x by these strides. @throws GraphError */
function pick(x: Known, shape: Shape, strides: readonly number[]): Known {
  const data = allocate(x.type, shape);
  forEachPlace(shape, [strides], (i, [at = 0]) => {
    data[i] = x.data[at]!;
  });
  return new Known(x.type, shape, data);
}

/** f32 numbers are rounded as they are stored. @throws GraphError for a tensor that is too large. */
function allocate(type: KnownType, shape: Shape): Float32Array | Float64Array {
  const size = sizeOf(shape);
  if (!(size <= MOST_ELEMENTS)) throw new GraphError(`[${shape.join(', ')}] has more than ${MOST_ELEMENTS} elements`);
  return type === 'f32' ? new Float32Array(size) : new Float64Array(size);
}

/** Calls `visit` with the offset of each operand for every place of `shape`, in row-major order. */
function forEachPlace(
  shape: Shape,
  strides: readonly (readonly number[])[],
  visit: (i: number, at: readonly number[]) => void,
): void {
  const total = sizeOf(shape);
  const index = shape.map(() => 0);
  const offsets = strides.map(() => 0);
  for (let i = 0; i < total; i++) {
    visit(i, offsets);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]! += 1;
      for (const [k, own] of strides.entries()) offsets[k]! += own[axis]!;
      if (index[axis]! < shape[axis]!) break;
      for (const [k, own] of strides.entries()) offsets[k]! -= own[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Strides that read x as if it had `shape`: 0 along broadcast axes. */
function stridesAs({ shape: from }: Known, shape: Shape): number[] {
  const strides = stridesOf(from);
  return shape.map((_, axis) => {
    const own = axis - (shape.length - from.length);
    return own < 0 || from[own] === 1 ? 0 : (strides[own] ?? 0);
  });
}

/** A function of the elements of the operands, which broadcast to `shape`. */
export function mapKnown(
  type: KnownType,
  shape: Shape,
  operands: readonly Known[],
  fn: (...values: number[]) => number,
): Known {
  const data = allocate(type, shape);
  const strides = operands.map(operand => stridesAs(operand, shape));
  forEachPlace(shape, strides, (i, at) => {
    const value = fn(...operands.map((operand, k) => operand.data[at[k]!]!));
    data[i] = type === 'f32' ? value : type === 'bool' ? Number(value !== 0) : Math.trunc(value);
  });
  return new Known(type, shape, data);
}

export function broadcastKnown(x: Known, shape: Shape): Known {
  return pick(x, shape, stridesAs(x, shape));
}

export function transposeKnown(x: Known, perm: readonly number[]): Known {
  const strides = stridesOf(x.shape);
  return pick(
    x,
    perm.map(axis => x.shape[axis] ?? 0),
    perm.map(axis => strides[axis] ?? 0),
  );
}

/** Slices of x along the axis at the indices. */
export function takeKnown(x: Known, axis: number, indices: readonly number[]): Known {
  const shape = x.shape.map((size, other) => (other === axis ? indices.length : size));
  const data = allocate(x.type, shape);
  const inner = sizeOf(x.shape.slice(axis + 1));
  const size = x.shape[axis] ?? 0;
  for (let outer = 0; outer < sizeOf(x.shape.slice(0, axis)); outer++) {
    for (const [i, index] of indices.entries()) {
      const from = (outer * size + index) * inner;
      data.set(x.data.subarray(from, from + inner), (outer * indices.length + i) * inner);
    }
  }
  return new Known(x.type, shape, data);
}

export function concatKnown(parts: readonly Known[], axis: number): Known {
  const [first] = parts;
  if (first === undefined) throw new GraphError('nothing to join');
  const joined = parts.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  const shape = first.shape.map((size, other) => (other === axis ? joined : size));
  const data = allocate(first.type, shape);
  const inner = sizeOf(shape.slice(axis + 1));
  for (let outer = 0, at = 0; outer < sizeOf(shape.slice(0, axis)); outer++) {
    for (const part of parts) {
      const length = (part.shape[axis] ?? 0) * inner;
      data.set(part.data.subarray(outer * length, (outer + 1) * length), at);
      at += length;
    }
  }
  return new Known(first.type, shape, data);
}
