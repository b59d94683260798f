import type { AnyNode } from '../graph.ts';
import type { OpName } from '../ops.ts';
import { broadcastShapes, isSameShape } from '../shapes.ts';
import { type DType, type Shape, sizeOf } from '../tensor.ts';
import type { Builder, Value } from '../trace.ts';

/** Larger results are not folded: the literals would make the program long, and computing them is fast. */
const LARGEST_FOLD = 1 << 16;

/** Computed in f64 and rounded once to f32. Operations without a row, such as erf, are left to the engine. */
const UNARY: { readonly [O in OpName]?: (x: number) => number } = {
  neg: x => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  reciprocal: x => 1 / x,
  tanh: Math.tanh,
  sigmoid: x => 1 / (1 + Math.exp(-x)),
  sin: Math.sin,
  cos: Math.cos,
  abs: Math.abs,
  stopGradient: x => x,
};

const BINARY: { readonly [O in OpName]?: (x: number, y: number) => number } = {
  add: (x, y) => x + y,
  sub: (x, y) => x - y,
  mul: (x, y) => x * y,
  div: (x, y) => x / y,
  max: Math.max,
  min: Math.min,
};

type Literal = Extract<AnyNode, { op: 'constant' }>;

/** Replaces a node by a literal if all its operands are literals (f32 only); undefined for other nodes. */
export function foldConstants(node: AnyNode, operands: readonly Value[], builder: Builder): Value | undefined {
  const literals = operands.map(operand => operand.node).filter(isLiteral);
  const [x, y] = literals;
  if (x === undefined || literals.length !== operands.length) return undefined;
  const literal = (values: readonly number[], shape: Shape, dtype: DType = x.dtype) =>
    builder.constant(values, shape, dtype);
  if (node.op === 'reshape' || (node.op === 'broadcast' && x.attrs.values.length === 1)) {
    return literal(x.attrs.values, node.shape);
  }
  if (node.dtype !== 'f32' || x.dtype !== 'f32' || sizeOf(node.shape) > LARGEST_FOLD) return undefined;
  const unary = UNARY[node.op];
  if (unary !== undefined)
    return literal(
      x.attrs.values.map(value => Math.fround(unary(value))),
      x.shape,
    );
  const binary = BINARY[node.op];
  if (binary === undefined || y === undefined || !fits(x, y)) return undefined;
  const count = Math.max(x.attrs.values.length, y.attrs.values.length);
  const at = ({ attrs }: Literal, i: number) => (attrs.values.length === 1 ? attrs.values[0] : attrs.values[i]) ?? 0;
  const values = Array.from({ length: count }, (_, i) => Math.fround(binary(at(x, i), at(y, i))));
  return literal(values, broadcastShapes(x.shape, y.shape));
}

function isLiteral(node: AnyNode): node is Literal {
  return node.op === 'constant';
}

/** True if the shapes are equal, or one literal is a single value that does not change the shape of the other. */
function fits(x: Literal, y: Literal): boolean {
  const [single, other] = x.attrs.values.length === 1 ? [x, y] : [y, x];
  if (single.attrs.values.length !== 1) return isSameShape(x.shape, y.shape);
  return other.attrs.values.length === 1 || isSameShape(broadcastShapes(single.shape, other.shape), other.shape);
}
