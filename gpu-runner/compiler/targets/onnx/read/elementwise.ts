/** @file Operators that compute element by element: on the host for known tensors, otherwise in the graph. */
import { gelu, geluErf, silu } from '../../../composites.ts';
import * as graph from '../../../functions.ts';
import { broadcastShapes, GraphError } from '../../../shapes.ts';
import type { Value } from '../../../trace.ts';
import { type Held, isKnown } from './held.ts';
import { type KnownType, mapKnown } from './known.ts';
import type { NodeReader } from './node-reader.ts';

export type OperatorRule = (node: NodeReader) => Held | readonly Held[];

/** A function on the host, and one of values; without the second, the operator is read only of known tensors. */
interface Pointwise<A extends readonly unknown[], B extends readonly unknown[]> {
  readonly host: (...x: A) => number;
  readonly value?: (...x: B) => Value;
}

function unary({ host, value }: Pointwise<[number], [Value]>): OperatorRule {
  return node => {
    const x = node.held(0);
    if (isKnown(x)) return mapKnown(x.type, x.shape, [x], host);
    if (value === undefined) throw new GraphError('it is read only of numbers that are known before the run');
    return value(x);
  };
}

function isInteger(type: KnownType): boolean {
  return type === 'i32' || type === 'i64';
}

/** @param type Of the result, if it is not that of the operands. */
function binary(
  { host, value }: Pointwise<[x: number, y: number, type: KnownType], [Value, Value]>,
  type?: KnownType,
): OperatorRule {
  return node => {
    const [x, y] = [node.held(0), node.held(1)];
    if (isKnown(x) && isKnown(y)) {
      return mapKnown(type ?? x.type, broadcastShapes(x.shape, y.shape), [x, y], (a, b) => host(a, b, x.type));
    }
    if (value === undefined) throw new GraphError('it is read only of numbers that are known before the run');
    return value(node.value(0), node.value(1));
  };
}

/** Any number of operands. */
function variadic(host: (x: number, y: number) => number, value: (x: Value, y: Value) => Value): OperatorRule {
  return node => {
    const { operands } = node;
    const known = operands.filter(isKnown);
    if (known.length === operands.length) {
      return known.reduce((x, y) => mapKnown(x.type, broadcastShapes(x.shape, y.shape), [x, y], host));
    }
    return operands.map(operand => node.lift(operand)).reduce(value);
  };
}

/** Clamped to 0 ... 1. */
const unit = (x: Value) => graph.min(graph.max(x, 0), 1);

const clip: OperatorRule = node => {
  const [low, high] = [node.scalarOr(1, 'min') ?? -Infinity, node.scalarOr(2, 'max') ?? Infinity];
  const x = node.held(0);
  if (isKnown(x)) return mapKnown(x.type, x.shape, [x], value => Math.min(high, Math.max(low, value)));
  const raised = low === -Infinity ? x : graph.max(x, low);
  return high === Infinity ? raised : graph.min(raised, high);
};

/** Whole divisors divide whole numbers towards zero. */
const divide = (x: number, y: number, type: KnownType) => (isInteger(type) ? Math.trunc(x / y) : x / y);

const power: OperatorRule = node => {
  const [x, y] = [node.held(0), node.held(1)];
  if (isKnown(x) && isKnown(y)) {
    return mapKnown(x.type, broadcastShapes(x.shape, y.shape), [x, y], (a, b) => a ** b);
  }
  const [exponent, ...others] = node.numbers(1);
  if (exponent === undefined || others.length > 0) throw new GraphError('the exponent is not one number');
  if (exponent === 0.5 || Number.isInteger(exponent)) return graph.pow(node.value(0), exponent);
  // Of a number below 0 it is not a number, as ONNX says.
  return graph.exp(graph.mul(graph.log(node.value(0)), exponent));
};

const cast: OperatorRule = node => {
  const to = CASTS[node.int('to', 0)];
  if (to === undefined) throw new GraphError(`it casts to the type of number ${node.int('to', 0)}`);
  const x = node.held(0);
  if (isKnown(x)) return mapKnown(to, x.shape, [x], value => (isInteger(to) ? Math.trunc(value) : value));
  return graph.cast(x, to === 'i64' ? 'i32' : to);
};
/** TensorProto.DataType: FLOAT, INT32, INT64, BOOL. */
const CASTS: Readonly<Partial<Record<number, KnownType>>> = { 1: 'f32', 6: 'i32', 7: 'i64', 9: 'bool' };

const where: OperatorRule = node => {
  const [condition, x, y] = [node.held(0), node.held(1), node.held(2)];
  if (isKnown(condition) && isKnown(x) && isKnown(y)) {
    const shape = broadcastShapes(condition.shape, broadcastShapes(x.shape, y.shape));
    return mapKnown(x.type, shape, [condition, x, y], (c = 0, a = 0, b = 0) => (c === 0 ? b : a));
  }
  return graph.select(node.value(0), node.value(1), node.value(2));
};

/** The slope of negative numbers, [c] or a scalar. */
const prelu: OperatorRule = node => {
  const x = node.value(0);
  return graph.add(graph.max(x, 0), graph.mul(graph.min(x, 0), node.value(1)));
};

const gaussian: OperatorRule = node =>
  node.word('approximate', ['none', 'tanh']) === 'tanh' ? gelu(node.value(0)) : geluErf(node.value(0));

export const ELEMENTWISE: Readonly<Record<string, OperatorRule>> = {
  Abs: unary({ host: Math.abs, value: graph.abs }),
  Neg: unary({ host: x => -x, value: graph.neg }),
  Exp: unary({ host: Math.exp, value: graph.exp }),
  Log: unary({ host: Math.log, value: graph.log }),
  Sqrt: unary({ host: Math.sqrt, value: graph.sqrt }),
  Reciprocal: unary({ host: x => 1 / x, value: graph.reciprocal }),
  Sin: unary({ host: Math.sin, value: graph.sin }),
  Cos: unary({ host: Math.cos, value: graph.cos }),
  Tanh: unary({ host: Math.tanh, value: graph.tanh }),
  Sigmoid: unary({ host: x => 1 / (1 + Math.exp(-x)), value: graph.sigmoid }),
  Relu: unary({ host: x => Math.max(0, x), value: x => graph.max(x, 0) }),
  Floor: unary({ host: Math.floor }),
  Ceil: unary({ host: Math.ceil }),
  Sign: unary({ host: Math.sign }),
  Not: unary({ host: x => (x === 0 ? 1 : 0), value: graph.not }),
  Erf: node => graph.erf(node.value(0)),
  Gelu: gaussian,
  HardSigmoid(node) {
    const [alpha, beta] = [node.float('alpha') ?? 0.2, node.float('beta') ?? 0.5];
    return unit(graph.add(graph.mul(node.value(0), alpha), beta));
  },
  HardSwish: node => graph.mul(node.value(0), unit(graph.add(graph.mul(node.value(0), 1 / 6), 0.5))),
  Swish: node => silu(graph.mul(node.value(0), node.float('alpha') ?? 1)),
  LeakyRelu(node) {
    const x = node.value(0);
    return graph.add(graph.max(x, 0), graph.mul(graph.min(x, 0), node.float('alpha') ?? 0.01));
  },
  PRelu: prelu,
  Clip: clip,
  Add: binary({ host: (x, y) => x + y, value: graph.add }),
  Sub: binary({ host: (x, y) => x - y, value: graph.sub }),
  Mul: binary({ host: (x, y) => x * y, value: graph.mul }),
  Div: binary({ host: divide, value: graph.div }),
  Mod: binary({ host: (x, y) => x - y * Math.floor(x / y) }),
  Pow: power,
  Equal: binary({ host: (x, y) => Number(x === y), value: graph.equal }, 'bool'),
  Less: binary({ host: (x, y) => Number(x < y), value: graph.less }, 'bool'),
  LessOrEqual: binary({ host: (x, y) => Number(x <= y), value: graph.lessEqual }, 'bool'),
  Greater: binary({ host: (x, y) => Number(x > y), value: graph.greater }, 'bool'),
  GreaterOrEqual: binary({ host: (x, y) => Number(x >= y), value: graph.greaterEqual }, 'bool'),
  And: binary({ host: (x, y) => Number(x !== 0 && y !== 0), value: graph.and }, 'bool'),
  Or: binary({ host: (x, y) => Number(x !== 0 || y !== 0), value: graph.or }, 'bool'),
  Max: variadic(Math.max, graph.max),
  Min: variadic(Math.min, graph.min),
  Sum: variadic((x, y) => x + y, graph.add),
  Cast: cast,
  Where: where,
};
