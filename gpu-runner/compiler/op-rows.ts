/** @file Building blocks for the rows of ops.ts: their type, rows of families of operations, checks of operands. */

import { broadcastShapes, GraphError, normalizeAxes } from './shapes.ts';
import { type DType, formatType, type Shape, type TensorSpec } from './tensor.ts';

/** Attributes of an operation without attributes. */
export type None = Readonly<Record<never, never>>;

/** One operation: its meaning and the type of its result. */
export interface OpRow<A> {
  /** The computation, in NumPy terms. */
  readonly doc: string;
  /** Number of operands; undefined: any number. */
  readonly arity: number | undefined;
  /** Type of the result. @throws GraphError if the operands do not fit. */
  infer(operands: readonly TensorSpec[], attrs: A): TensorSpec;
}

/** Types of the operands, in order. */
export type Operands = readonly TensorSpec[];

const FLOATS: ReadonlySet<DType> = new Set<DType>(['f32', 'f16', 'bf16']);

/** The operand at `index`. @throws GraphError if it is missing. */
export function at(operands: Operands, index: number): TensorSpec {
  const operand = operands[index];
  if (operand === undefined) throw new GraphError(`operand ${index} is missing`);
  return operand;
}

/** Requires f32, f16 or bf16. @throws GraphError for i32 and bool. */
export function requireFloat(spec: TensorSpec): void {
  if (!FLOATS.has(spec.dtype)) throw new GraphError(`expected a floating-point operand, got ${formatType(spec)}`);
}

/** Requires equal dtypes. @throws GraphError if they differ. */
export function requireSameType(a: TensorSpec, b: TensorSpec): void {
  if (a.dtype !== b.dtype) throw new GraphError(`operands differ in dtype: ${formatType(a)} and ${formatType(b)}`);
}

/** Number of indices. @throws GraphError if the operand is not i32[n]. */
export function requireIndices(spec: TensorSpec): number {
  const [count] = spec.shape;
  if (spec.dtype !== 'i32' || spec.shape.length !== 1 || count === undefined) {
    throw new GraphError(`expected indices i32[n], got ${formatType(spec)}`);
  }
  return count;
}

/** Type that a source declares. @throws GraphError if a size is not a whole number. */
export function inferSource(_: Operands, attrs: { readonly shape: Shape; readonly dtype: DType }): TensorSpec {
  if (attrs.shape.some(size => !Number.isInteger(size) || size < 0)) {
    throw new GraphError(`shape [${attrs.shape.join(', ')}] has a size that is not a whole number`);
  }
  return { shape: attrs.shape, dtype: attrs.dtype };
}

/** Row of an elementwise operation on floats. */
export function unary(doc: string): OpRow<None> {
  return {
    doc,
    arity: 1,
    infer(operands) {
      requireFloat(at(operands, 0));
      return at(operands, 0);
    },
  };
}

/** Row of an elementwise operation on two numbers of one dtype. */
export function binary(doc: string): OpRow<None> {
  return {
    doc: `${doc}, with NumPy broadcasting`,
    arity: 2,
    infer(operands) {
      const [a, b] = [at(operands, 0), at(operands, 1)];
      requireSameType(a, b);
      if (a.dtype === 'bool') throw new GraphError(`expected numbers, got ${formatType(a)}`);
      return { shape: broadcastShapes(a.shape, b.shape), dtype: a.dtype };
    },
  };
}

/** Row of an elementwise comparison of two numbers of one dtype; the result is bool. */
export function comparison(doc: string): OpRow<None> {
  return {
    doc: `${doc}, with NumPy broadcasting; bool`,
    arity: 2,
    infer(operands) {
      const [a, b] = [at(operands, 0), at(operands, 1)];
      requireSameType(a, b);
      if (a.dtype === 'bool') throw new GraphError(`expected numbers, got ${formatType(a)}`);
      return { shape: broadcastShapes(a.shape, b.shape), dtype: 'bool' };
    },
  };
}

/** Row of a reduction of floats over axes that stay, with size 1. */
export function reduction(doc: string): OpRow<{ readonly axes: readonly number[] }> {
  return {
    doc: `${doc} over the axes, which stay with size 1`,
    arity: 1,
    infer(operands, { axes }) {
      const x = at(operands, 0);
      requireFloat(x);
      const reduced = new Set(normalizeAxes(axes, x.shape.length));
      return { shape: x.shape.map((size, axis) => (reduced.has(axis) ? 1 : size)), dtype: x.dtype };
    },
  };
}

/** Rows and columns of a matrix operand, swapped if it is transposed. */
export function lastTwo(shape: Shape, transposed: boolean): [number, number] {
  const [a, b] = [sizeAt(shape, shape.length - 2), sizeAt(shape, shape.length - 1)];
  return transposed ? [b, a] : [a, b];
}

/** Size of an axis. @throws GraphError if the axis does not exist. */
export function sizeAt(sizes: readonly number[], axis: number): number {
  const size = sizes[axis];
  if (size === undefined) throw new GraphError(`axis ${axis} of [${sizes.join(', ')}] does not exist`);
  return size;
}
