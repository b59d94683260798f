/** @file Rewrites to fewer operations with the same meaning: one rule per operation, tried on every node in order. */
import * as f from '../functions.ts';
import type { AnyNode, Graph, Node } from '../graph.ts';
import type { OpName } from '../ops.ts';
import { rewriteGraph } from '../rewrite.ts';
import { broadcastShapes, isSameShape } from '../shapes.ts';
import type { Value } from '../trace.ts';
import { foldConstants } from './fold-constants.ts';

type Rule<O extends OpName> = (operands: readonly [Value, Value, ...Value[]], node: Node<O>) => Value | undefined;

const RULES: { readonly [O in OpName]?: Rule<O> } = {
  neg([x]) {
    const { node } = x;
    if (node.op === 'neg') return f.operandOf(x, 0);
    if (node.op === 'sub') return f.sub(f.operandOf(x, 1), f.operandOf(x, 0));
    const scaled = splitScale(x);
    return scaled && f.mul(scaled.value, -scaled.scale);
  },
  add([x, y], { shape }) {
    if (y.node.op === 'neg') return f.sub(unrepeat(x, y, shape), f.operandOf(y, 0));
    if (x.node.op === 'neg') return f.sub(unrepeat(y, x, shape), f.operandOf(x, 0));
    return joinPads(x, y) ?? elementwise(f.add, x, y, shape);
  },
  sub([x, y], { shape }) {
    return y.node.op === 'neg' ? f.add(x, f.operandOf(y, 0)) : elementwise(f.sub, x, y, shape);
  },
  mul([x, y], { shape }) {
    return rescale(x, y) ?? rescale(y, x) ?? elementwise(f.mul, x, y, shape);
  },
  div: ([x, y], { shape }) => elementwise(f.div, x, y, shape),
  reshape: ([x], { shape }) => f.reshape(x, shape),
  broadcast: ([x], { shape }) => f.broadcast(x, shape),
  transpose: ([x], { attrs }) => f.transpose(x, attrs.perm),
  concat: (values, { attrs }) =>
    f.concat(
      values.flatMap(value =>
        value.node.op === 'concat' && value.node.attrs.axis === attrs.axis ? operandsOf(value) : [value],
      ),
      attrs.axis,
    ),
  matmul([a, b], { attrs }) {
    const [left, right] = [untransposed(a), untransposed(b)];
    if (left === undefined && right === undefined) return undefined;
    return f.matmul(left ?? a, right ?? b, {
      transposeA: attrs.transposeA !== (left !== undefined),
      transposeB: attrs.transposeB !== (right !== undefined),
    });
  },
};

/** Folds literals, merges equal nodes, drops dead ones and applies {@link RULES}, in one walk. */
export function simplify(graph: Graph): Graph {
  return rewriteGraph(
    graph,
    (node, operands, builder) => foldConstants(node, operands, builder) ?? applyRule(node, operands),
  );
}

function applyRule(node: AnyNode, operands: readonly Value[]): Value | undefined {
  const rule = RULES[node.op] as Rule<OpName> | undefined;
  return rule?.(operands as readonly [Value, Value], node as Node<OpName>);
}

function operandsOf(x: Value): Value[] {
  return x.node.inputs.map(id => x.builder.valueAt(id));
}

/** Number of a scalar literal; undefined for any other value. */
function scalarOf(x: Value): number | undefined {
  const { node } = x;
  return node.op === 'constant' && node.attrs.values.length === 1 && node.shape.length === 0
    ? node.attrs.values[0]
    : undefined;
}

function splitScale(x: Value): { readonly value: Value; readonly scale: number } | undefined {
  if (x.node.op !== 'mul' || x.dtype !== 'f32') return undefined;
  const [a, b] = [f.operandOf(x, 0), f.operandOf(x, 1)];
  const [scaleA, scaleB] = [scalarOf(a), scalarOf(b)];
  if (scaleB !== undefined) return { value: a, scale: scaleB };
  return scaleA === undefined ? undefined : { value: b, scale: scaleA };
}

/** x times a number, merged with a scale or a negation inside x. */
function rescale(x: Value, factor: Value): Value | undefined {
  const scale = scalarOf(factor);
  if (scale === undefined || x.dtype !== 'f32') return undefined;
  if (x.node.op === 'neg') return f.mul(f.operandOf(x, 0), -scale);
  const inner = splitScale(x);
  return inner && f.mul(inner.value, Math.fround(inner.scale * scale));
}

/** Applies `op` to operands without their broadcasts: elementwise operations broadcast on the fly. */
function elementwise(op: (x: Value, y: Value) => Value, x: Value, y: Value, shape: readonly number[]): Value {
  const shorter = unrepeat(x, y, shape);
  return op(shorter, unrepeat(y, shorter, shape));
}

function unrepeat(x: Value, other: Value, shape: readonly number[]): Value {
  const source = sourceOfRepeat(x);
  if (source === undefined) return x;
  return isSameShape(broadcastShapes(source.shape, other.shape), shape) ? source : x;
}

function sourceOfRepeat(x: Value): Value | undefined {
  const { node } = x;
  if (node.op === 'broadcast') return f.operandOf(x, 0);
  const isRepeated = node.op === 'constant' && node.attrs.values.length === 1 && node.shape.length > 0;
  return isRepeated ? x.builder.constant(node.attrs.values, [], node.dtype) : undefined;
}

/** The operand of a transposition of the last two axes. */
function untransposed(x: Value): Value | undefined {
  const { node } = x;
  if (node.op !== 'transpose') return undefined;
  const rank = node.shape.length;
  const swapsLast = node.attrs.perm.every((axis, i) => axis === (i < rank - 2 ? i : 2 * rank - 3 - i));
  return swapsLast ? f.operandOf(x, 0) : undefined;
}

/** Axis, start and operand of a pad along one axis. */
function placeOf(x: Value): { readonly axis: number; readonly start: number; readonly part: Value } | undefined {
  const { node } = x;
  if (node.op !== 'pad') return undefined;
  const part = f.operandOf(x, 0);
  const padded = part.shape.flatMap((size, axis) => (size === node.shape[axis] ? [] : [axis]));
  const [axis] = padded;
  return axis === undefined || padded.length > 1 ? undefined : { axis, start: node.attrs.before[axis] ?? 0, part };
}

/**
 * Rewrites the sum of two adjacent parts, each padded with zeros, as one padded concatenation (gradients of slices).
 */
function joinPads(x: Value, y: Value): Value | undefined {
  const [a, b] = [placeOf(x), placeOf(y)];
  if (a === undefined || b === undefined || a.axis !== b.axis || !isSameShape(x.shape, y.shape)) return undefined;
  const [first, second] = a.start < b.start ? [a, b] : [b, a];
  const { axis } = a;
  const end = first.start + (first.part.shape[axis] ?? 0);
  if (end !== second.start) return undefined;
  const joined = f.concat([...partsOf(first.part, axis), ...partsOf(second.part, axis)], axis);
  const before = x.shape.map((_, other) => (other === axis ? first.start : 0));
  const after = x.shape.map((size, other) => size - (before[other] ?? 0) - (joined.shape[other] ?? 0));
  return f.pad(joined, before, after);
}

function partsOf(x: Value, axis: number): readonly Value[] {
  return x.node.op === 'concat' && x.node.attrs.axis === axis ? operandsOf(x) : [x];
}
