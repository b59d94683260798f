/**
 * @file One rule per operation, with tfjs-core. A rule may leave temporaries; the interpreter runs it in a tidy scope.
 */
import { Internal } from '../../../errors.ts';
import type { Node, PrimitiveNode } from '../../compiler/graph.ts';
import type { OpAttrs, PrimitiveName } from '../../compiler/ops.ts';
import { isSameShape, type Pair } from '../../compiler/shapes.ts';
import { type DType, formatType, sizeOf } from '../../compiler/tensor.ts';
import { tf } from './backend.ts';

/** Returns a new tensor of the node's type, never an operand. */
type Rule<O extends PrimitiveName> = (operands: readonly tf.Tensor[], node: Node<O>) => tf.Tensor;

/** Types of TensorFlow.js by dtype. */
export const TF_TYPES: Readonly<Partial<Record<DType, 'float32' | 'int32' | 'bool'>>> = {
  f32: 'float32',
  i32: 'int32',
  bool: 'bool',
};

/** @throws Internal for a dtype that TensorFlow.js does not have; `compile` refuses such graphs. */
export function tfTypeOf(dtype: DType): 'float32' | 'int32' | 'bool' {
  const type = TF_TYPES[dtype];
  if (type === undefined) throw new Internal(`TensorFlow.js has no ${dtype}`);
  return type;
}

function unary(fn: (x: tf.Tensor) => tf.Tensor): Rule<PrimitiveName> {
  return ([x]) => fn(x!);
}

function binary(fn: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor): Rule<PrimitiveName> {
  return ([x, y]) => fn(x!, y!);
}

const source = (): never => {
  throw new Internal('sources are read by the interpreter');
};

/** Division that truncates i32 towards zero; tf.div rounds down. */
function divide(x: tf.Tensor, y: tf.Tensor): tf.Tensor {
  if (x.dtype !== 'int32') return tf.div(x, y);
  const quotient = tf.floorDiv(x, y);
  const wasRounded = tf.notEqual(tf.mul(quotient, y), x);
  return tf.add(quotient, tf.cast(tf.logicalAnd(wasRounded, tf.less(quotient, 0)), 'int32'));
}

function softmaxAlong(x: tf.Tensor, axis: number): tf.Tensor {
  if (axis === x.rank - 1) return tf.softmax(x, axis);
  const powers = tf.exp(tf.sub(x, tf.max(x, axis, true)));
  return tf.div(powers, tf.sum(powers, axis, true));
}

/** The permutation that brings `axis` to the front. */
function toFront(rank: number, axis: number): number[] {
  return [axis, ...Array.from({ length: rank }, (_, other) => other).filter(other => other !== axis)];
}

function invert(perm: readonly number[]): number[] {
  return perm.map((_, axis) => perm.indexOf(axis));
}

/**
 * TensorFlow has channels last, no groups on a CPU, and cannot combine stride with dilation. For both at once, zeros
 * are put between the elements of the kernel.
 */
function convolve(
  x: tf.Tensor,
  weight: tf.Tensor,
  { stride, dilation, padding, groups }: OpAttrs['conv2d'],
): tf.Tensor {
  const [top, left, bottom, right] = padding;
  const padded = tf.pad(x, [
    [0, 0],
    [0, 0],
    [top, bottom],
    [left, right],
  ]);
  const isBoth = Math.max(...stride) > 1 && Math.max(...dilation) > 1;
  const kernel = isBoth ? spreadOut(weight, dilation) : weight;
  const parts = tf.split<tf.Tensor4D>(tf.transpose(padded, [0, 2, 3, 1]), groups, 3);
  const kernels = tf.split<tf.Tensor4D>(tf.transpose(kernel, [2, 3, 1, 0]), groups, 3);
  const results = parts.map((part, group) =>
    tf.conv2d(part, kernels[group]!, [...stride], 'valid', 'NHWC', isBoth ? 1 : [...dilation]),
  );
  return tf.transpose(tf.concat(results, 3), [0, 3, 1, 2]);
}

/** Inserts down - 1 and across - 1 zeros between the elements of the last two axes. */
function spreadOut(x: tf.Tensor, [down, across]: Pair): tf.Tensor {
  const [outputs = 0, inputs = 0, rows = 0, columns = 0] = x.shape;
  const cells = tf.reshape(x, [outputs * inputs, rows, 1, columns, 1]);
  const padded = tf.pad(cells, [
    [0, 0],
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, across - 1],
  ]);
  const spread = tf.reshape(padded, [outputs, inputs, rows * down, columns * across]);
  return tf.slice(spread, [0, 0, 0, 0], [outputs, inputs, (rows - 1) * down + 1, (columns - 1) * across + 1]);
}

export const RULES: { readonly [O in PrimitiveName]: Rule<O> } = {
  input: source,
  state: source,
  constant: (_, { attrs, shape, dtype }) => {
    const { values } = attrs;
    const [first] = values;
    const all = values.length === 1 && first !== undefined ? new Array<number>(sizeOf(shape)).fill(first) : [...values];
    return tf.tensor(all, [...shape], tfTypeOf(dtype));
  },
  neg: unary(tf.neg),
  exp: unary(tf.exp),
  log: unary(tf.log),
  sqrt: unary(tf.sqrt),
  reciprocal: unary(tf.reciprocal),
  tanh: unary(tf.tanh),
  sigmoid: unary(tf.sigmoid),
  erf: unary(tf.erf),
  sin: unary(tf.sin),
  cos: unary(tf.cos),
  abs: unary(tf.abs),
  add: binary(tf.add),
  sub: binary(tf.sub),
  mul: binary(tf.mul),
  div: binary(divide),
  max: binary(tf.maximum),
  min: binary(tf.minimum),
  less: binary(tf.less),
  equal: binary(tf.equal),
  and: binary(tf.logicalAnd),
  not: unary(tf.logicalNot),
  select: ([condition, a, b]) => tf.where(condition!, a!, b!),
  reduceSum: ([x], { attrs }) => tf.sum(x!, [...attrs.axes], true),
  reduceMax: ([x], { attrs }) => tf.max(x!, [...attrs.axes], true),
  matmul: ([a, b], { attrs }) => tf.matMul(a!, b!, attrs.transposeA, attrs.transposeB),
  conv2d: ([x, weight], { attrs }) => convolve(x!, weight!, attrs),
  reshape: ([x], { attrs }) => tf.reshape(x!, [...attrs.shape]),
  transpose: ([x], { attrs }) => tf.transpose(x!, [...attrs.perm]),
  broadcast: ([x], { attrs }) => tf.broadcastTo(x!, [...attrs.shape]),
  // TensorFlow cannot slice or pad scalars.
  slice: ([x], { attrs, shape }) => (x!.rank === 0 ? tf.clone(x!) : tf.slice(x!, [...attrs.starts], [...shape])),
  pad: ([x], { attrs }) =>
    x!.rank === 0
      ? tf.clone(x!)
      : tf.pad(
          x!,
          attrs.before.map((before, axis): [number, number] => [before, attrs.after[axis] ?? 0]),
        ),
  concat: (operands, { attrs }) => tf.concat([...operands], attrs.axis),
  gather: ([x, indices], { attrs }) => tf.gather(x!, indices!, attrs.axis),
  scatterAdd: ([x, indices, updates], { attrs }) => {
    const { rank } = x!;
    const front = toFront(rank, attrs.axis);
    const shape = front.map(axis => x!.shape[axis] ?? 0);
    // scatterND adds up repeated indices.
    const sums = tf.scatterND(tf.reshape(indices!, [-1, 1]), tf.transpose(updates!, front), shape);
    return tf.add(x!, tf.transpose(sums, invert(front)));
  },
  cast: ([x], { attrs }) => {
    const converted = tf.cast(x!, tfTypeOf(attrs.dtype));
    // The plain kernels do not round i32 to f32 in a cast. A product rounds.
    return x!.dtype === 'int32' && attrs.dtype === 'f32' ? tf.mul(converted, 1) : converted;
  },
  stopGradient: unary(tf.clone),
  never: () => tf.scalar(false, 'bool'),
  after: ([x]) => tf.clone(x!),
  softmax: ([x], { attrs }) => softmaxAlong(x!, attrs.axis),
};

/** Runs one node on the values of its operands. The caller disposes of the result. */
export function evaluateNode(node: PrimitiveNode, operands: readonly tf.Tensor[]): tf.Tensor {
  const value = tf.tidy(() => (RULES[node.op] as Rule<PrimitiveName>)(operands, node as Node<PrimitiveName>));
  if (value.dtype !== tfTypeOf(node.dtype) || !isSameShape(value.shape, node.shape)) {
    const made = `${value.dtype}[${value.shape.join(', ')}]`;
    value.dispose();
    throw new Internal(`TensorFlow.js made ${made} of ${node.op}, expected ${formatType(node)}`);
  }
  return value;
}
