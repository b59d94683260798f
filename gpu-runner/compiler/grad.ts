/** @file Reverse-mode differentiation: one table of vector-Jacobian products, and one walk over it. */
import { conv2dInputGradient, conv2dWeightGradient } from './convolution.ts';
import { EXPANSIONS, geluSlope, siluSlope, swapPairs } from './expansions.ts';
import * as f from './functions.ts';
import type { Node } from './graph.ts';
import type { CompositeName, OpAttrs, OpName } from './ops.ts';
import { Recomputation } from './remat.ts';
import { GraphError } from './shapes.ts';
import { type DType, formatType, type Shape } from './tensor.ts';
import type { Value } from './trace.ts';

/**
 * Returns the cotangents of the operands, in their order; undefined where no gradient flows. A cotangent may be smaller
 * than its value; it then stands for its broadcast. Elementwise rules take such a cotangent directly. The walk sums the
 * results to the shapes of the operands.
 */
type Rule<O extends OpName> = (
  ct: Value,
  operands: readonly Value[],
  y: Value,
  attrs: Node<O>['attrs'],
) => (Value | undefined)[];

function first(values: readonly Value[]): Value {
  return nth(values, 0);
}

function nth(values: readonly Value[], index: number): Value {
  const value = values[index];
  if (value === undefined) throw new GraphError(`operand ${index} is missing`);
  return value;
}

function zeros(x: Value): Value {
  return x.builder.constant([0], [], x.dtype);
}

/** The larger operand takes the cotangent; ties share it. */
function extremum(ct: Value, operands: readonly Value[], takesFirst: (a: Value, b: Value) => Value): Value[] {
  const [a, b] = [nth(operands, 0), nth(operands, 1)];
  const half = f.mul(ct, 0.5);
  const none = zeros(ct);
  const tie = f.equal(a, b);
  return [
    f.select(tie, half, f.select(takesFirst(a, b), ct, none)),
    f.select(tie, half, f.select(takesFirst(b, a), ct, none)),
  ];
}

/** Operations that stop gradients: the result is piecewise constant, or the operation exists to stop them. */
const CUTS: ReadonlySet<OpName> = new Set<OpName>(['stopGradient', 'less', 'equal', 'and', 'not', 'never']);

/** Rules of all operations but sources and {@link CUTS}. */
const RULES: { readonly [O in OpName]?: Rule<O> } = {
  neg: ct => [f.neg(ct)],
  exp: (ct, _, y) => [f.mul(ct, y)],
  log: (ct, x) => [f.div(ct, first(x))],
  sqrt: (ct, _, y) => [f.div(f.mul(ct, 0.5), y)],
  reciprocal: (ct, _, y) => [f.neg(f.mul(ct, f.mul(y, y)))],
  tanh: (ct, _, y) => [f.sub(ct, f.mul(f.mul(ct, y), y))],
  sigmoid(ct, _, y) {
    const scaled = f.mul(ct, y);
    return [f.sub(scaled, f.mul(scaled, y))];
  },
  erf: (ct, x) => [f.mul(ct, f.mul(f.exp(f.neg(f.mul(first(x), first(x)))), 2 / Math.sqrt(Math.PI)))],
  sin: (ct, x) => [f.mul(ct, f.cos(first(x)))],
  cos: (ct, x) => [f.neg(f.mul(ct, f.sin(first(x))))],
  abs: (ct, x) => [f.select(f.less(first(x), 0), f.neg(ct), f.select(f.equal(first(x), 0), zeros(ct), ct))],
  add: ct => [ct, ct],
  sub: ct => [ct, f.neg(ct)],
  mul(ct, [a, b]) {
    if (a === undefined || b === undefined) throw new GraphError('mul needs two operands');
    // One product instead of two equal ones and their sum.
    if (a.id === b.id) return [f.mul(f.mul(ct, 2), a), undefined];
    return [f.mul(ct, b), f.mul(ct, a)];
  },
  div(ct, x, y) {
    const scaled = f.div(ct, nth(x, 1));
    return [scaled, f.neg(f.mul(scaled, y))];
  },
  max: (ct, x) => extremum(ct, x, (a, b) => f.less(b, a)),
  min: (ct, x) => extremum(ct, x, (a, b) => f.less(a, b)),
  select: (ct, x) => [undefined, f.select(first(x), ct, zeros(ct)), f.select(first(x), zeros(ct), ct)],
  reduceSum: ct => [ct],
  reduceMax(ct, x, y, { axes }) {
    // Equal maxima share the cotangent equally.
    const isMax = f.cast(f.equal(first(x), y), ct.dtype);
    return [f.mul(isMax, f.div(ct, f.reduceSum(isMax, axes)))];
  },
  matmul(ct, x, _, { transposeA, transposeB }) {
    const [a, b] = [nth(x, 0), nth(x, 1)];
    return [
      transposeA
        ? f.matmul(b, ct, { transposeA: transposeB, transposeB: true })
        : f.matmul(ct, b, { transposeB: !transposeB }),
      transposeB
        ? f.matmul(ct, a, { transposeA: true, transposeB: transposeA })
        : f.matmul(a, ct, { transposeA: !transposeA }),
    ];
  },
  conv2d: (ct, x, _, attrs) => [
    conv2dInputGradient(ct, nth(x, 1), first(x).shape, attrs),
    conv2dWeightGradient(ct, first(x), nth(x, 1).shape, attrs),
  ],
  reshape: (ct, x) => [f.reshape(ct, first(x).shape)],
  transpose(ct, _, __, { perm }) {
    const inverse = perm.map((___, axis) => perm.indexOf(axis));
    return [f.transpose(ct, inverse)];
  },
  broadcast: ct => [ct],
  slice(ct, x, _, { starts, ends }) {
    const after = first(x).shape.map((size, axis) => size - (ends[axis] ?? size));
    return [f.pad(ct, starts, after)];
  },
  pad(ct, x, _, { before }) {
    return [sliceAt(ct, before, first(x).shape)];
  },
  concat(ct, x, _, { axis }) {
    let start = 0;
    return x.map(operand => {
      const end = start + (operand.shape[axis] ?? 0);
      const part = f.slice(ct, axis, start, end);
      start = end;
      return part;
    });
  },
  gather: (ct, x, _, { axis }) => [
    f.scatterAdd(f.broadcast(zeros(ct), first(x).shape), nth(x, 1), ct, axis),
    undefined,
  ],
  scatterAdd: (ct, x, _, { axis }) => [ct, undefined, f.gather(ct, nth(x, 1), axis)],
  after: ct => [ct, undefined],
  cast: (ct, x) => [f.cast(ct, first(x).dtype)],
  softmax: (ct, _, y, { axis }) => {
    const weighted = f.mul(ct, y);
    return [f.sub(weighted, f.mul(y, f.reduceSum(weighted, [axis])))];
  },
  silu: (ct, x, y) => [f.mul(ct, siluSlope(first(x), y))],
  gelu: (ct, x, y, { form }) => [f.mul(ct, geluSlope(first(x), y, form))],
  rotate(ct, x) {
    const [values, cos, sin] = [first(x), nth(x, 1), nth(x, 2)];
    // Rotates the cotangent back. The gradients of the angles are summed to the shapes of cos and sin.
    const turnedBack = ct.builder.emit('rotate', [ct, cos, f.neg(sin)], {});
    const toAngles = (factor: Value, angle: Value) => unbroadcast(f.mul(ct, factor), angle.shape, ct.shape);
    return [turnedBack, toAngles(values, cos), toAngles(swapPairs(values), sin)];
  },
  attention(ct, x, y, attrs) {
    const stats = ct.builder.emit('attentionStats', x, attrs);
    const operands = [...x.slice(0, 3), stats, y, ct, ...x.slice(3)];
    const names = ['query', 'key', 'value', ...(attrs.mask === 'bias' ? (['bias'] as const) : [])] as const;
    return names.map(of => ct.builder.emit('attentionGradient', operands, { ...attrs, of }));
  },
  attentionStats: throughExpansion('attentionStats'),
  attentionGradient: throughExpansion('attentionGradient'),
};

/** Gradient of a composite by the primitives of its expansion. */
function throughExpansion<O extends CompositeName>(op: O): Rule<O> {
  return (ct, operands, _, attrs) => {
    const cut = operands.map(operand => (isFloat(operand.dtype) ? f.stopGradient(operand) : operand));
    const expand: (operands: readonly Value[], attrs: OpAttrs[O]) => Value = EXPANSIONS[op];
    const result = f.sumAll(f.mul(expand(cut, attrs as OpAttrs[O]), f.stopGradient(ct)));
    // A value that is an operand twice gets its whole gradient at the first place.
    const isFirst = (operand: Value, index: number) => operands.findIndex(({ id }) => id === operand.id) === index;
    const wanted = cut.filter((operand, index) => isFloat(operand.dtype) && isFirst(operands[index] ?? operand, index));
    const gradients = new Map(grad(result, wanted).map((gradient, i) => [wanted[i]?.id, gradient]));
    return operands.map((operand, i) => (isFirst(operand, i) ? gradients.get(cut[i]?.id) : undefined));
  };
}

function isFloat(dtype: DType): boolean {
  return dtype !== 'i32' && dtype !== 'bool';
}

function sliceAt(x: Value, starts: readonly number[], shape: Shape): Value {
  return shape.reduce((part, size, axis) => f.slice(part, axis, starts[axis] ?? 0, (starts[axis] ?? 0) + size), x);
}

/** Elementwise operations. Their operands may be smaller than their result, and their rules take smaller cotangents. */
const BROADCASTING: ReadonlySet<OpName> = new Set<OpName>([
  ...(['neg', 'exp', 'log', 'sqrt', 'reciprocal', 'tanh', 'sigmoid', 'erf', 'sin', 'cos', 'abs', 'cast'] as const),
  ...(['silu', 'gelu'] as const),
  ...(['add', 'sub', 'mul', 'div', 'max', 'min', 'select', 'broadcast'] as const),
]);

/**
 * Cotangent of an operand of `shape`, given its contribution `ct` to a result of shape `full`: the sum over the axes
 * along which the operand was broadcast. Where `ct` itself has size 1, the sum is a product with the size of the axis.
 */
function unbroadcast(ct: Value, shape: Shape, full: Shape): Value {
  const extra = full.length - shape.length;
  const sizeOf = (sizes: Shape, axis: number) => sizes[axis - full.length + sizes.length] ?? 1;
  const axes: number[] = [];
  let repeats = 1;
  for (const [axis, size] of full.entries()) {
    if (size === 1 || sizeOf(shape, axis) !== 1) continue;
    if (sizeOf(ct.shape, axis) === 1) repeats *= size;
    else axes.push(axis - full.length + ct.shape.length);
  }
  const summed = f.reduceSum(ct, axes);
  const excess = summed.shape.length - shape.length;
  const sized = excess > 0 && extra > 0 ? f.reshape(summed, summed.shape.slice(excess)) : summed;
  return f.mul(sized, repeats);
}

/**
 * Gradients of a scalar with respect to values that it was computed from. A value on which it does not depend gets
 * zeros. Only nodes on a path from `wrt` to the scalar are visited.
 * @throws GraphError if `y` is not a scalar, a value of `wrt` is not a float, or an operation on a path has no rule.
 */
export function grad(y: Value, wrt: readonly Value[]): Value[] {
  if (y.shape.length !== 0) throw new GraphError(`only a scalar can be differentiated, got [${y.shape.join(', ')}]`);
  for (const value of wrt) {
    if (!isFloat(value.dtype))
      throw new GraphError(`only floating-point values have gradients, got ${formatType(value)}`);
  }
  const { builder } = y;
  const leadsToTarget = new Uint8Array(y.id + 1);
  for (const value of wrt) if (value.id <= y.id) leadsToTarget[value.id] = 1;
  for (let id = 0; id <= y.id; id++) {
    const node = builder.nodeAt(id);
    if (!CUTS.has(node.op) && isFloat(node.dtype) && node.inputs.some(input => leadsToTarget[input]))
      leadsToTarget[id] = 1;
  }

  const recomputation = new Recomputation(builder);
  const cotangents = new Map<number, Value>([[y.id, builder.constant([1], [], y.dtype)]]);
  for (let id = y.id; id >= 0; id--) {
    const ct = cotangents.get(id);
    const node = builder.nodeAt(id);
    if (ct === undefined || !leadsToTarget[id] || node.inputs.length === 0) continue;
    if (!node.inputs.some(input => leadsToTarget[input])) continue;
    const rule = RULES[node.op] as Rule<OpName> | undefined;
    if (rule === undefined) {
      throw new GraphError(`failed to compute the gradient of ${node.op}${node.scope ? ` in ${node.scope}` : ''}`);
    }
    recomputation.enter(id, ct, cotangents);
    const operands = node.inputs.map(input => recomputation.valueFor(id, input));
    const scope = node.scope ? `${node.scope} / backward` : 'backward';
    builder.scope(scope, () => {
      const isElementwise = BROADCASTING.has(node.op);
      const whole = isElementwise || node.op === 'reduceSum' ? ct : f.broadcast(ct, node.shape);
      for (const [index, contribution] of rule(whole, operands, recomputation.valueFor(id, id), node.attrs).entries()) {
        const operand = builder.valueAt(node.inputs[index] ?? -1);
        if (contribution === undefined || !leadsToTarget[operand.id]) continue;
        const reduced = isElementwise ? unbroadcast(contribution, operand.shape, node.shape) : contribution;
        recomputation.leave(id, operand.id);
        const sum = cotangents.get(operand.id);
        cotangents.set(operand.id, sum === undefined ? reduced : f.add(sum, reduced));
      }
    });
  }
  return wrt.map(value => {
    const gradient = value.id <= y.id ? cotangents.get(value.id) : undefined;
    return gradient === undefined ? f.broadcast(zeros(value), value.shape) : f.broadcast(gradient, value.shape);
  });
}
