/**
 * @file Each operation as a function of values, and functions of one or two operations; composites.ts has larger ones.
 */

import { isSameShape, normalizeAxes } from './shapes.ts';
import { type DType, type Shape, sizeOf } from './tensor.ts';
import type { Value } from './trace.ts';

/** A value, or a number that takes the other operand's dtype. */
export type Operand = Value | number;

function lift(x: Operand, like: Operand): Value {
  if (typeof x !== 'number') return x;
  if (typeof like === 'number') throw new TypeError('at least one operand must be a value');
  return like.builder.constant([x], [], like.dtype);
}

function isConstant(x: Operand, value: number): boolean {
  if (typeof x === 'number') return x === value;
  const { node } = x;
  return node.op === 'constant' && node.shape.length === 0 && node.attrs.values[0] === value;
}

export const neg = (x: Value): Value => x.builder.emit('neg', [x], {});
export const exp = (x: Value): Value => x.builder.emit('exp', [x], {});
export const log = (x: Value): Value => x.builder.emit('log', [x], {});
export const sqrt = (x: Value): Value => x.builder.emit('sqrt', [x], {});
export const reciprocal = (x: Value): Value => x.builder.emit('reciprocal', [x], {});
export const tanh = (x: Value): Value => x.builder.emit('tanh', [x], {});
export const sigmoid = (x: Value): Value => x.builder.emit('sigmoid', [x], {});
export const erf = (x: Value): Value => x.builder.emit('erf', [x], {});
export const sin = (x: Value): Value => x.builder.emit('sin', [x], {});
export const cos = (x: Value): Value => x.builder.emit('cos', [x], {});
export const abs = (x: Value): Value => x.builder.emit('abs', [x], {});
export const not = (x: Value): Value => x.builder.emit('not', [x], {});
export const stopGradient = (x: Value): Value => x.builder.emit('stopGradient', [x], {});

/** A copy of x that is computed only after `values`, and never merged with x: see remat.ts. */
export function after(x: Value, values: readonly Value[]): Value {
  return x.builder.emit('after', [x, x.builder.emit('never', values, {})], {});
}

type BinaryOp = 'add' | 'sub' | 'mul' | 'div' | 'max' | 'min' | 'less' | 'equal' | 'and';

function binary(op: BinaryOp, x: Operand, y: Operand): Value {
  const [a, b] = [lift(x, y), lift(y, x)];
  return a.builder.emit(op, [a, b], {});
}

export function add(x: Operand, y: Operand): Value {
  if (typeof x !== 'number' && isConstant(y, 0)) return x;
  if (typeof y !== 'number' && isConstant(x, 0)) return y;
  return binary('add', x, y);
}

export function sub(x: Operand, y: Operand): Value {
  return typeof x !== 'number' && isConstant(y, 0) ? x : binary('sub', x, y);
}

export function mul(x: Operand, y: Operand): Value {
  if (typeof x !== 'number' && isConstant(y, 1)) return x;
  if (typeof y !== 'number' && isConstant(x, 1)) return y;
  return binary('mul', x, y);
}

export function div(x: Operand, y: Operand): Value {
  if (typeof y === 'number') return mul(x, 1 / y);
  return isConstant(x, 1) ? reciprocal(y) : binary('div', x, y);
}

export const max = (x: Operand, y: Operand): Value => binary('max', x, y);
export const min = (x: Operand, y: Operand): Value => binary('min', x, y);
export const less = (x: Operand, y: Operand): Value => binary('less', x, y);
export const equal = (x: Operand, y: Operand): Value => binary('equal', x, y);
export const greater = (x: Operand, y: Operand): Value => less(y, x);
/** x <= y; false if either is NaN. */
export const lessEqual = (x: Operand, y: Operand): Value => or(less(x, y), equal(x, y));
export const greaterEqual = (x: Operand, y: Operand): Value => lessEqual(y, x);
export const and = (x: Value, y: Value): Value => binary('and', x, y);
export const or = (x: Value, y: Value): Value => not(and(not(x), not(y)));

export const square = (x: Value): Value => mul(x, x);
export const rsqrt = (x: Value): Value => reciprocal(sqrt(x));

/**
 * x ** exponent. Whole exponents up to 64 are products, 0.5 is a square root; any other exponent is computed as
 * e ** (exponent log x) and needs positive x.
 */
export function pow(x: Value, exponent: number): Value {
  if (exponent < 0) return reciprocal(pow(x, -exponent));
  if (exponent === 0) return x.builder.constant([1], x.shape, x.dtype);
  if (exponent === 0.5) return sqrt(x);
  if (!Number.isInteger(exponent) || exponent > 64) return exp(mul(log(x), exponent));
  if (exponent === 1) return x;
  const half = square(pow(x, Math.floor(exponent / 2)));
  return exponent % 2 === 0 ? half : mul(half, x);
}

/** `a` where `condition`, else `b`. */
export function select(condition: Value, a: Operand, b: Operand): Value {
  const [x, y] = [lift(a, b), lift(b, a)];
  return x.builder.emit('select', [condition, x, y], {});
}

/** Sum over `axes`; they stay, with size 1. */
export function reduceSum(x: Value, axes: readonly number[]): Value {
  const normal = normalizeAxes(axes, x.shape.length).filter(axis => x.shape[axis] !== 1);
  return normal.length === 0 ? x : x.builder.emit('reduceSum', [x], { axes: normal });
}

/** Maximum over `axes`; they stay, with size 1. */
export function reduceMax(x: Value, axes: readonly number[]): Value {
  return x.builder.emit('reduceMax', [x], { axes: normalizeAxes(axes, x.shape.length) });
}

/** Mean over `axes`; they stay, with size 1. */
export function reduceMean(x: Value, axes: readonly number[]): Value {
  const count = normalizeAxes(axes, x.shape.length).reduce((product, axis) => product * (x.shape[axis] ?? 1), 1);
  return mul(reduceSum(x, axes), 1 / count);
}

/** Sum of all elements, as a scalar. */
export function sumAll(x: Value): Value {
  return reshape(
    reduceSum(
      x,
      x.shape.map((_, axis) => axis),
    ),
    [],
  );
}

export interface MatmulOptions {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** [..., m, k] x [..., k, n] -> [..., m, n]. */
export function matmul(a: Value, b: Value, { transposeA = false, transposeB = false }: MatmulOptions = {}): Value {
  return a.builder.emit('matmul', [a, b], { transposeA, transposeB });
}

/** x under another shape. One size may be -1: it is inferred from the others. */
export function reshape(x: Value, shape: Shape): Value {
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const full = shape.map(size => (size === -1 ? sizeOf(x.shape) / known : size));
  if (isSameShape(full, x.shape)) return x;
  const { node } = x;
  const source = node.op === 'reshape' ? operandOf(x, 0) : x;
  return isSameShape(full, source.shape) ? source : x.builder.emit('reshape', [source], { shape: full });
}

export function transpose(x: Value, perm: readonly number[]): Value {
  if (perm.every((axis, index) => axis === index)) return x;
  const { node } = x;
  if (node.op === 'transpose') {
    const first = node.attrs.perm;
    return transpose(
      operandOf(x, 0),
      perm.map(axis => first[axis] ?? -1),
    );
  }
  return x.builder.emit('transpose', [x], { perm });
}

export function broadcast(x: Value, shape: Shape): Value {
  return isSameShape(x.shape, shape) ? x : x.builder.emit('broadcast', [x], { shape });
}

/** x[start:end] along one axis. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  if (start === 0 && end === x.shape[axis]) return x;
  const starts = x.shape.map((_, other) => (other === axis ? start : 0));
  const ends = x.shape.map((size, other) => (other === axis ? end : size));
  return x.builder.emit('slice', [x], { starts, ends });
}

export function pad(x: Value, before: readonly number[], after: readonly number[]): Value {
  if ([...before, ...after].every(size => size === 0)) return x;
  return x.builder.emit('pad', [x], { before, after });
}

export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (first === undefined) throw new TypeError('concat needs at least one value');
  return values.length === 1 ? first : first.builder.emit('concat', values, { axis });
}

function replaceAxis(shape: Shape, axis: number, sizes: Shape): number[] {
  return [...shape.slice(0, axis), ...sizes, ...shape.slice(axis + 1)];
}

/** Slices of x along `axis` at i32 indices of any shape. Their shape replaces the axis. Indices count from 0. */
export function gather(x: Value, indices: Value, axis: number): Value {
  const [place = 0] = normalizeAxes([axis], x.shape.length);
  const gathered = x.builder.emit('gather', [x, reshape(indices, [-1])], { axis: place });
  return reshape(gathered, replaceAxis(x.shape, place, indices.shape));
}

/** x with updates added at i32 indices along `axis`. The updates have the shape that {@link gather} returns. */
export function scatterAdd(x: Value, indices: Value, updates: Value, axis: number): Value {
  const [place = 0] = normalizeAxes([axis], x.shape.length);
  const expected = replaceAxis(x.shape, place, indices.shape);
  const flat = isSameShape(updates.shape, expected)
    ? reshape(updates, replaceAxis(x.shape, place, [sizeOf(indices.shape)]))
    : updates;
  return x.builder.emit('scatterAdd', [x, reshape(indices, [-1]), flat], { axis: place });
}

export function cast(x: Value, dtype: DType): Value {
  return x.dtype === dtype ? x : x.builder.emit('cast', [x], { dtype });
}

export function softmax(x: Value, axis = -1): Value {
  return x.builder.emit('softmax', [x], { axis: axis < 0 ? axis + x.shape.length : axis });
}

/** The operand of x's node at `index`. @throws TypeError if the node has no such operand. */
export function operandOf(x: Value, index: number): Value {
  const id = x.node.inputs[index];
  if (id === undefined) throw new TypeError(`${x.node.op} has no operand ${index}`);
  return x.builder.valueAt(id);
}
