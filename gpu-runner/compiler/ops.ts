/** @file The operations: one row each with its shape rule and doc. Each interpretation is a table over these names. */

import {
  ATTENTION_GRADIENT_ROW,
  ATTENTION_ROW,
  ATTENTION_STATS_ROW,
  type AttentionAttrs,
  type AttentionGradientAttrs,
} from './attention-rows.ts';
import {
  at,
  binary,
  comparison,
  inferSource,
  lastTwo,
  type None,
  type OpRow,
  reduction,
  requireFloat,
  requireIndices,
  requireSameType,
  sizeAt,
  unary,
} from './op-rows.ts';
import { broadcastShapes, countWindows, GraphError, isSameShape, normalizeAxes, type Pair } from './shapes.ts';
import { type DType, formatType, type Shape, sizeOf } from './tensor.ts';

/** Attributes of each operation. */
export interface OpAttrs {
  input: { readonly name: string; readonly shape: Shape; readonly dtype: DType };
  state: { readonly name: string; readonly shape: Shape; readonly dtype: DType };
  constant: { readonly values: readonly number[]; readonly shape: Shape; readonly dtype: DType };
  neg: None;
  exp: None;
  log: None;
  sqrt: None;
  reciprocal: None;
  tanh: None;
  sigmoid: None;
  erf: None;
  sin: None;
  cos: None;
  abs: None;
  add: None;
  sub: None;
  mul: None;
  div: None;
  max: None;
  min: None;
  less: None;
  equal: None;
  and: None;
  not: None;
  select: None;
  reduceSum: { readonly axes: readonly number[] };
  reduceMax: { readonly axes: readonly number[] };
  matmul: { readonly transposeA: boolean; readonly transposeB: boolean };
  reshape: { readonly shape: Shape };
  transpose: { readonly perm: readonly number[] };
  broadcast: { readonly shape: Shape };
  slice: { readonly starts: readonly number[]; readonly ends: readonly number[] };
  pad: { readonly before: readonly number[]; readonly after: readonly number[] };
  conv2d: {
    readonly stride: Pair;
    readonly dilation: Pair;
    /** Zeros above, left, below, right. */
    readonly padding: readonly [number, number, number, number];
    readonly groups: number;
  };
  concat: { readonly axis: number };
  gather: { readonly axis: number };
  scatterAdd: { readonly axis: number };
  cast: { readonly dtype: DType };
  stopGradient: None;
  never: None;
  after: None;
  softmax: { readonly axis: number };
  silu: None;
  gelu: { readonly form: 'tanh' | 'erf' };
  rotate: None;
  attention: AttentionAttrs;
  attentionStats: AttentionAttrs;
  attentionGradient: AttentionGradientAttrs;
}

export type OpName = keyof OpAttrs;

/** Operations defined by others (expansions.ts). Their gradient is short, and a target may have a kernel for them. */
export type CompositeName = 'silu' | 'gelu' | 'rotate' | 'attention' | 'attentionStats' | 'attentionGradient';

/** Operations that every engine has a rule for. */
export type PrimitiveName = Exclude<OpName, CompositeName>;

export const OPS: { readonly [O in OpName]: OpRow<OpAttrs[O]> } = {
  input: { doc: 'a tensor fed from the host at every run', arity: 0, infer: inferSource },
  state: { doc: 'named state as it is before the run', arity: 0, infer: inferSource },
  constant: {
    doc: 'a literal; a single value fills the shape',
    arity: 0,
    infer(operands, attrs) {
      const spec = inferSource(operands, attrs);
      if (attrs.values.length !== 1 && attrs.values.length !== sizeOf(attrs.shape)) {
        throw new GraphError(`${attrs.values.length} values do not fill ${formatType(spec)}`);
      }
      return spec;
    },
  },
  neg: unary('-x'),
  exp: unary('e ** x'),
  log: unary('natural logarithm'),
  sqrt: unary('square root'),
  reciprocal: unary('1 / x'),
  tanh: unary('hyperbolic tangent'),
  sigmoid: unary('1 / (1 + e ** -x)'),
  erf: unary('error function'),
  sin: unary('sine'),
  cos: unary('cosine'),
  abs: unary('absolute value'),
  add: binary('x + y'),
  sub: binary('x - y'),
  mul: binary('x * y'),
  div: binary('x / y'),
  max: binary('the larger one'),
  min: binary('the smaller one'),
  less: comparison('x < y'),
  equal: comparison('x == y'),
  and: {
    doc: 'x and y of bools, with NumPy broadcasting',
    arity: 2,
    infer(operands) {
      const [a, b] = [at(operands, 0), at(operands, 1)];
      if (a.dtype !== 'bool' || b.dtype !== 'bool') {
        throw new GraphError(`expected two bools, got ${formatType(a)} and ${formatType(b)}`);
      }
      return { shape: broadcastShapes(a.shape, b.shape), dtype: 'bool' };
    },
  },
  not: {
    doc: 'not x of a bool',
    arity: 1,
    infer(operands) {
      const x = at(operands, 0);
      if (x.dtype !== 'bool') throw new GraphError(`expected a bool, got ${formatType(x)}`);
      return x;
    },
  },
  select: {
    doc: 'y where the bool x is true, else z, with NumPy broadcasting; the other value has no effect, even if NaN',
    arity: 3,
    infer(operands) {
      const [condition, a, b] = [at(operands, 0), at(operands, 1), at(operands, 2)];
      if (condition.dtype !== 'bool') throw new GraphError(`expected a bool condition, got ${formatType(condition)}`);
      requireSameType(a, b);
      return { shape: broadcastShapes(condition.shape, broadcastShapes(a.shape, b.shape)), dtype: a.dtype };
    },
  },
  reduceSum: reduction('sum'),
  reduceMax: reduction('maximum'),
  matmul: {
    doc: 'matrix product over the last two axes; flags transpose an operand first; leading axes are equal',
    arity: 2,
    infer(operands, { transposeA, transposeB }) {
      const [a, b] = [at(operands, 0), at(operands, 1)];
      requireSameType(a, b);
      requireFloat(a);
      const rank = a.shape.length;
      const leading = a.shape.slice(0, -2);
      const mismatch = () =>
        new GraphError(
          `cannot multiply ${formatType(a)}${transposeA ? ' transposed' : ''} by ` +
            `${formatType(b)}${transposeB ? ' transposed' : ''}`,
        );
      if (rank < 2 || b.shape.length !== rank || leading.some((size, axis) => size !== b.shape[axis])) throw mismatch();
      const [rows, innerA] = lastTwo(a.shape, transposeA);
      const [innerB, columns] = lastTwo(b.shape, transposeB);
      if (innerA !== innerB) throw mismatch();
      return { shape: [...leading, rows, columns], dtype: a.dtype };
    },
  },
  conv2d: {
    doc: 'cross-correlation of x [n, c, h, w] with weights [o, c / groups, kh, kw] in groups: [n, o, h2, w2]',
    arity: 2,
    infer(operands, { stride, dilation, padding, groups }) {
      const [x, weight] = [at(operands, 0), at(operands, 1)];
      requireSameType(x, weight);
      requireFloat(x);
      const fail = (why: string) =>
        new GraphError(`cannot convolve ${formatType(x)} with ${formatType(weight)} in ${groups} groups: ${why}`);
      if (x.shape.length !== 4 || weight.shape.length !== 4) throw fail('both need four axes');
      const [batch = 0, channels = 0, ...sizes] = x.shape;
      const [outputs = 0, perGroup = 0, ...kernel] = weight.shape;
      if ([...stride, ...dilation, groups].some(n => !Number.isInteger(n) || n < 1)) {
        throw fail('stride, dilation and groups must be whole numbers from 1');
      }
      if (padding.some(n => !Number.isInteger(n) || n < 0)) throw fail('padding must be whole numbers from 0');
      if (channels !== perGroup * groups) throw fail(`${perGroup * groups} channels are needed`);
      if (outputs % groups !== 0) throw fail(`${outputs} outputs do not fall into equal groups`);
      const counts = sizes.map((size, i) =>
        countWindows(size + sizeAt(padding, i) + sizeAt(padding, i + 2), sizeAt(kernel, i), stride[i], dilation[i]),
      );
      if (counts.some(count => count < 1)) throw fail('the kernel is larger than the padded picture');
      return { shape: [batch, outputs, ...counts], dtype: x.dtype };
    },
  },
  reshape: {
    doc: 'the same elements in row-major order under another shape',
    arity: 1,
    infer(operands, { shape }) {
      const x = at(operands, 0);
      if (sizeOf(shape) !== sizeOf(x.shape)) {
        throw new GraphError(
          `cannot reshape ${formatType(x)} to [${shape.join(', ')}]: the number of elements differs`,
        );
      }
      return { shape, dtype: x.dtype };
    },
  },
  transpose: {
    doc: 'axes reordered: axis i of the result is axis perm[i]',
    arity: 1,
    infer(operands, { perm }) {
      const x = at(operands, 0);
      if (perm.length !== x.shape.length || new Set(perm).size !== perm.length) {
        throw new GraphError(`[${perm.join(', ')}] does not permute the axes of ${formatType(x)}`);
      }
      return { shape: perm.map(axis => sizeAt(x.shape, axis)), dtype: x.dtype };
    },
  },
  broadcast: {
    doc: 'repeated along axes of size 1 or new leading axes',
    arity: 1,
    infer(operands, { shape }) {
      const x = at(operands, 0);
      const result = broadcastShapes(x.shape, shape);
      if (result.length !== shape.length || result.some((size, axis) => size !== shape[axis])) {
        throw new GraphError(`cannot broadcast ${formatType(x)} to [${shape.join(', ')}]`);
      }
      return { shape, dtype: x.dtype };
    },
  },
  slice: {
    doc: 'x[starts:ends], one range per axis',
    arity: 1,
    infer(operands, { starts, ends }) {
      const x = at(operands, 0);
      const isInside = x.shape.every((size, axis) => {
        const [start, end] = [starts[axis], ends[axis]];
        return start !== undefined && end !== undefined && 0 <= start && start <= end && end <= size;
      });
      if (starts.length !== x.shape.length || ends.length !== x.shape.length || !isInside) {
        throw new GraphError(`[${starts.join(', ')}] to [${ends.join(', ')}] is not a range of ${formatType(x)}`);
      }
      return { shape: x.shape.map((_, axis) => sizeAt(ends, axis) - sizeAt(starts, axis)), dtype: x.dtype };
    },
  },
  pad: {
    doc: 'zeros added before and after each axis',
    arity: 1,
    infer(operands, { before, after }) {
      const x = at(operands, 0);
      if (before.length !== x.shape.length || after.length !== x.shape.length) {
        throw new GraphError(`pad needs ${x.shape.length} sizes before and after for ${formatType(x)}`);
      }
      return { shape: x.shape.map((size, axis) => size + sizeAt(before, axis) + sizeAt(after, axis)), dtype: x.dtype };
    },
  },
  concat: {
    doc: 'operands joined along an axis; their other sizes are equal',
    arity: undefined,
    infer(operands, { axis }) {
      const first = at(operands, 0);
      for (const operand of operands) {
        requireSameType(first, operand);
        const fits =
          operand.shape.length === first.shape.length &&
          operand.shape.every((size, other) => other === axis || size === first.shape[other]);
        if (!fits)
          throw new GraphError(`cannot join ${formatType(first)} and ${formatType(operand)} along axis ${axis}`);
      }
      const joined = operands.reduce((sum, operand) => sum + sizeAt(operand.shape, axis), 0);
      return { shape: first.shape.map((size, other) => (other === axis ? joined : size)), dtype: first.dtype };
    },
  },
  gather: {
    doc: 'slices of x along the axis at the i32 indices [n], each in 0 ... size - 1; indices may repeat',
    arity: 2,
    infer(operands, { axis }) {
      const x = at(operands, 0);
      const count = requireIndices(at(operands, 1));
      sizeAt(x.shape, axis);
      return { shape: x.shape.map((size, other) => (other === axis ? count : size)), dtype: x.dtype };
    },
  },
  scatterAdd: {
    doc: 'x plus slices of updates along the axis at the i32 indices [n], each in 0 ... size - 1; repeats add up',
    arity: 3,
    infer(operands, { axis }) {
      const [x, updates] = [at(operands, 0), at(operands, 2)];
      const count = requireIndices(at(operands, 1));
      requireFloat(x);
      requireSameType(x, updates);
      sizeAt(x.shape, axis);
      const expected = x.shape.map((size, other) => (other === axis ? count : size));
      if (!isSameShape(updates.shape, expected)) {
        throw new GraphError(`expected updates of [${expected.join(', ')}], got ${formatType(updates)}`);
      }
      return x;
    },
  },
  cast: {
    doc: 'converted to another dtype, rounding to nearest even; to bool: x != 0',
    arity: 1,
    infer: (operands, { dtype }) => ({ shape: at(operands, 0).shape, dtype }),
  },
  stopGradient: { doc: 'x; no gradient flows through', arity: 1, infer: operands => at(operands, 0) },
  never: {
    doc: 'a bool scalar that is false; computed after all operands, which are floats',
    arity: undefined,
    infer(operands) {
      for (const operand of operands) requireFloat(operand);
      return { shape: [], dtype: 'bool' };
    },
  },
  after: {
    doc: 'a copy of x, made after the bool scalar y of `never` is computed; equal bit by bit, never merged with x',
    arity: 2,
    infer(operands) {
      const [x, y] = [at(operands, 0), at(operands, 1)];
      if (y.dtype !== 'bool' || y.shape.length !== 0)
        throw new GraphError(`expected a bool scalar, got ${formatType(y)}`);
      return x;
    },
  },
  softmax: {
    doc: 'exp(x - max) / sum(exp(x - max)) along an axis',
    arity: 1,
    infer(operands, { axis }) {
      requireFloat(at(operands, 0));
      normalizeAxes([axis], at(operands, 0).shape.length);
      return at(operands, 0);
    },
  },
  silu: unary('x sigmoid(x) (Swish-1, arXiv 1702.03118)'),
  gelu: unary('x times the normal distribution up to x (arXiv 1606.08415), by the error function or the tanh form'),
  rotate: {
    doc: 'neighbouring channels of x [..., dim] rotated as pairs (arXiv 2104.09864); cosines and sines broadcast to x',
    arity: 3,
    infer(operands) {
      const x = at(operands, 0);
      requireFloat(x);
      for (const part of [at(operands, 1), at(operands, 2)]) {
        requireSameType(x, part);
        if (!isSameShape(broadcastShapes(x.shape, part.shape), x.shape)) {
          throw new GraphError(`${formatType(part)} does not broadcast to ${formatType(x)}`);
        }
      }
      if (sizeAt(x.shape, x.shape.length - 1) % 2 !== 0)
        throw new GraphError(`${formatType(x)} has no pairs of channels`);
      return x;
    },
  },
  attention: ATTENTION_ROW,
  attentionStats: ATTENTION_STATS_ROW,
  attentionGradient: ATTENTION_GRADIENT_ROW,
};
