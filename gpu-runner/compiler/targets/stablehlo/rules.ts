/** @file The StableHLO text of each operation. StableHLO broadcasts nothing by itself; operands are spread first. */
import type { Node } from '../../graph.ts';
import type { OpName, PrimitiveName } from '../../ops.ts';
import { normalizeAxes } from '../../shapes.ts';
import type { DType } from '../../tensor.ts';
import { attentionGradient, attentionOutput, attentionStats } from './attention-rules.ts';
import type { Emitter, Operand } from './emitter.ts';
import { listText, typeText } from './literals.ts';

/** Writes the lines of a node. Returns its value. */
type Rule<O extends OpName> = (emit: Emitter, node: Node<O>, operands: readonly Operand[]) => Operand;

/** A composite without a rule of its own is expanded to primitives before (expansions.ts). */
type Row<O extends OpName> = Rule<O> | (O extends PrimitiveName ? never : 'expanded');

function at(operands: readonly Operand[], index: number): Operand {
  const operand = operands[index];
  if (operand === undefined) throw new TypeError(`operand ${index} is missing`);
  return operand;
}

function same(op: string): Rule<OpName> {
  return (emit, node, operands) => {
    const spread = operands.map(operand => emit.spread(operand, node.shape));
    return emit.elementwise(`stablehlo.${op}`, spread, node);
  };
}

const source: Rule<OpName> = (_, { op }) => {
  throw new TypeError(`${op} is an argument of the function and has no line`);
};

const compareKind = (dtype: DType) => (dtype === 'i32' ? 'SIGNED' : 'FLOAT');

function compare(direction: 'LT' | 'EQ' | 'NE'): Rule<OpName> {
  return (emit, node, operands) => {
    const [a, b] = [emit.spread(at(operands, 0), node.shape), emit.spread(at(operands, 1), node.shape)];
    const types = `(${typeText(a)}, ${typeText(b)}) -> ${typeText(node)}`;
    return emit.define(
      `stablehlo.compare ${direction}, ${a.name}, ${b.name}, ${compareKind(a.dtype)} : ${types}`,
      node,
    );
  };
}

/** f32 products are TF32 on NVIDIA GPUs unless the text says HIGHEST. Short formats accumulate in f32 anyway. */
function precisionOf(emit: Emitter, { dtype }: Operand): string {
  return dtype === 'f32' && emit.options.float32Products !== 'tf32' ? 'HIGHEST' : 'DEFAULT';
}

/** Indices i32[n] as a column [n, 1]: the last axis holds the coordinates of one index. */
function column(emit: Emitter, indices: Operand): Operand {
  return emit.reshape(indices, [indices.shape[0] ?? 0, 1]);
}

const otherAxes = (rank: number, axis: number) => Array.from({ length: rank }, (_, i) => i).filter(i => i !== axis);

export const RULES: { readonly [O in OpName]: Row<O> } = {
  input: source,
  state: source,
  constant: (emit, node) => emit.constant(node.attrs.values, node),
  neg: same('negate'),
  exp: same('exponential'),
  log: same('log'),
  sqrt: (emit, node, operands) => emit.root(at(operands, 0), node),
  // XLA would choose between the quotient and rsqrt by the other readers of the root, and so round a value differently
  // where gradient checkpointing computes it again.
  reciprocal(emit, node, operands) {
    const square = emit.squareOf(at(operands, 0));
    if (square !== undefined) return emit.elementwise('stablehlo.rsqrt', [square], node);
    return emit.elementwise('stablehlo.divide', [emit.constant([1], node), at(operands, 0)], node);
  },
  tanh: same('tanh'),
  sigmoid: same('logistic'),
  erf: (emit, node, operands) =>
    emit.define(`chlo.erf ${at(operands, 0).name} : ${typeText(node)} -> ${typeText(node)}`, node),
  sin: same('sine'),
  cos: same('cosine'),
  abs: same('abs'),
  add: same('add'),
  sub: same('subtract'),
  mul: same('multiply'),
  div: same('divide'),
  max: same('maximum'),
  min: same('minimum'),
  less: compare('LT'),
  equal: compare('EQ'),
  and: same('and'),
  not: same('not'),
  select(emit, node, operands) {
    const condition = at(operands, 0);
    const wide = condition.shape.length === 0 ? condition : emit.spread(condition, node.shape);
    const [a, b] = [emit.spread(at(operands, 1), node.shape), emit.spread(at(operands, 2), node.shape)];
    const types = `${typeText(wide)}, ${typeText(node)}`;
    return emit.define(`stablehlo.select ${wide.name}, ${a.name}, ${b.name} : ${types}`, node);
  },
  reduceSum(emit, node, operands) {
    const x = at(operands, 0);
    // A sum in f16 or bf16 would round after each addend.
    const sum = emit.reduce('add', emit.convert(x, 'f32'), normalizeAxes(node.attrs.axes, x.shape.length), 0);
    return emit.reshape(emit.convert(sum, node.dtype), node.shape);
  },
  reduceMax(emit, node, operands) {
    const x = at(operands, 0);
    return emit.reshape(
      emit.reduce('maximum', x, normalizeAxes(node.attrs.axes, x.shape.length), -Infinity),
      node.shape,
    );
  },
  matmul(emit, node, operands) {
    const [a, b] = [at(operands, 0), at(operands, 1)];
    const rank = node.shape.length;
    const batch = listText(node.shape.slice(0, -2).map((_, axis) => axis));
    const batching = rank > 2 ? `batching_dims = ${batch} x ${batch}, ` : '';
    const axisOfA = node.attrs.transposeA ? rank - 2 : rank - 1;
    const axisOfB = node.attrs.transposeB ? rank - 1 : rank - 2;
    const precision = precisionOf(emit, a);
    return emit.define(
      `stablehlo.dot_general ${a.name}, ${b.name}, ${batching}contracting_dims = [${axisOfA}] x [${axisOfB}], ` +
        `precision = [${precision}, ${precision}] : (${typeText(a)}, ${typeText(b)}) -> ${typeText(node)}`,
      node,
    );
  },
  conv2d(emit, node, operands) {
    const [x, weight] = [at(operands, 0), at(operands, 1)];
    const { stride, dilation, padding, groups } = node.attrs;
    const [top, left, bottom, right] = padding;
    const precision = `#stablehlo<precision ${precisionOf(emit, x)}>`;
    const window =
      `{stride = ${listText(stride)}, pad = [[${top}, ${bottom}], [${left}, ${right}]], ` +
      `rhs_dilate = ${listText(dilation)}}`;
    return emit.define(
      `stablehlo.convolution(${x.name}, ${weight.name}) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1], ` +
        `window = ${window} {batch_group_count = 1 : i64, feature_group_count = ${groups} : i64, ` +
        `precision_config = [${precision}, ${precision}]} : (${typeText(x)}, ${typeText(weight)}) -> ${typeText(node)}`,
      node,
    );
  },
  reshape: (emit, node, operands) => emit.reshape(at(operands, 0), node.shape),
  transpose: (emit, { attrs }, operands) => emit.transpose(at(operands, 0), attrs.perm),
  broadcast: (emit, node, operands) => emit.spread(at(operands, 0), node.shape),
  slice: (emit, { attrs }, operands) => cut(emit, at(operands, 0), attrs.starts, attrs.ends),
  pad(emit, node, operands) {
    const [x, zero] = [at(operands, 0), emit.scalar(0, node.dtype)];
    const { before, after } = node.attrs;
    const sizes =
      `low = ${listText(before)}, high = ${listText(after)}, ` + `interior = ${listText(before.map(() => 0))}`;
    const types = `(${typeText(x)}, ${typeText(zero)}) -> ${typeText(node)}`;
    return emit.define(`stablehlo.pad ${x.name}, ${zero.name}, ${sizes} : ${types}`, node);
  },
  concat: (emit, { attrs }, operands) => join(emit, operands, attrs.axis),
  gather(emit, node, operands) {
    const [x, indices] = [at(operands, 0), column(emit, at(operands, 1))];
    const { axis } = node.attrs;
    const sizes = x.shape.map((size, other) => (other === axis ? 1 : size));
    const numbers =
      `#stablehlo.gather<offset_dims = ${listText(otherAxes(x.shape.length, axis))}, ` +
      `collapsed_slice_dims = [${axis}], start_index_map = [${axis}], index_vector_dim = 1>`;
    return emit.define(
      `"stablehlo.gather"(${x.name}, ${indices.name}) <{dimension_numbers = ${numbers}, indices_are_sorted = false, ` +
        `slice_sizes = array<i64: ${sizes.join(', ')}>}> : (${typeText(x)}, ${typeText(indices)}) -> ${typeText(node)}`,
      node,
    );
  },
  scatterAdd(emit, node, operands) {
    const [x, indices, updates] = [at(operands, 0), column(emit, at(operands, 1)), at(operands, 2)];
    const { axis } = node.attrs;
    const element = typeText({ shape: [], dtype: node.dtype });
    const numbers =
      `#stablehlo.scatter<update_window_dims = ${listText(otherAxes(x.shape.length, axis))}, ` +
      `inserted_window_dims = [${axis}], scatter_dims_to_operand_dims = [${axis}], index_vector_dim = 1>`;
    const types = `(${typeText(x)}, ${typeText(indices)}, ${typeText(updates)}) -> ${typeText(node)}`;
    const sum =
      `{ ^bb0(%a: ${element}, %b: ${element}): %sum = stablehlo.add %a, %b : ${element} ` +
      `stablehlo.return %sum : ${element} }`;
    return emit.define(
      `"stablehlo.scatter"(${x.name}, ${indices.name}, ${updates.name}) <{indices_are_sorted = false, ` +
        `scatter_dimension_numbers = ${numbers}, unique_indices = false}> (${sum}) : ${types}`,
      node,
    );
  },
  cast(emit, node, operands) {
    const x = at(operands, 0);
    if (node.dtype !== 'bool' || x.dtype === 'bool') return emit.convert(x, node.dtype);
    return compare('NE')(emit, node, [x, emit.scalar(0, x.dtype)]);
  },
  stopGradient: (_, __, operands) => at(operands, 0),
  never: (emit, _, operands) => at(emit.barrier([...operands, emit.scalar(0, 'bool')]), operands.length),
  after: (emit, _, operands) => at(emit.barrier(operands), 0),
  softmax(emit, node, operands) {
    const x = emit.convert(at(operands, 0), 'f32');
    const [axis = 0] = normalizeAxes([node.attrs.axis], x.shape.length);
    const kept = otherAxes(x.shape.length, axis);
    const wide = (reduced: Operand) => emit.placeAxes(reduced, kept, x.shape);
    const shifted = emit.elementwise('stablehlo.subtract', [x, wide(emit.reduce('maximum', x, [axis], -Infinity))], x);
    const weights = emit.elementwise('stablehlo.exponential', [shifted], x);
    const shares = emit.elementwise('stablehlo.divide', [weights, wide(emit.reduce('add', weights, [axis], 0))], x);
    return emit.convert(shares, node.dtype);
  },
  silu: 'expanded',
  gelu: 'expanded',
  rotate(emit, node, operands) {
    // By slices: the product with a swap matrix of the expansion would be rounded to TF32 on a GPU.
    const x = at(operands, 0);
    const pairs = emit.reshape(x, [...x.shape.slice(0, -1), (x.shape.at(-1) ?? 0) / 2, 2]);
    const part = (index: number) => {
      const starts = pairs.shape.map((_, axis) => (axis === pairs.shape.length - 1 ? index : 0));
      return cut(emit, pairs, starts, pairs.shape.with(-1, index + 1));
    };
    const [even, odd] = [part(0), part(1)];
    const turned = join(emit, [emit.elementwise('stablehlo.negate', [odd], odd), even], pairs.shape.length - 1);
    const multiply = same('multiply') as Rule<'rotate'>;
    const straight = multiply(emit, node, [x, at(operands, 1)]);
    return emit.elementwise(
      'stablehlo.add',
      [straight, multiply(emit, node, [emit.reshape(turned, x.shape), at(operands, 2)])],
      node,
    );
  },
  attention: attentionOutput,
  attentionStats,
  attentionGradient,
};

/** x[starts:ends] */
function cut(emit: Emitter, x: Operand, starts: readonly number[], ends: readonly number[]): Operand {
  const spec = { shape: ends.map((end, axis) => end - (starts[axis] ?? 0)), dtype: x.dtype };
  const ranges = listText(starts.map((start, axis) => `${start}:${ends[axis]}`));
  return emit.define(`stablehlo.slice ${x.name} ${ranges} : (${typeText(x)}) -> ${typeText(spec)}`, spec);
}

function join(emit: Emitter, parts: readonly Operand[], axis: number): Operand {
  const first = at(parts, 0);
  const size = parts.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
  const spec = { shape: first.shape.with(axis, size), dtype: first.dtype };
  const names = parts.map(({ name }) => name).join(', ');
  const types = `(${parts.map(typeText).join(', ')}) -> ${typeText(spec)}`;
  return emit.define(`stablehlo.concatenate ${names}, dim = ${axis} : ${types}`, spec);
}
