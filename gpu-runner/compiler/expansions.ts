/** @file Composite operations in terms of primitives, and derivatives that need few passes over memory. */
import { expandAttention, expandAttentionGradient, expandAttentionStats } from './attention-expansions.ts';
import { add, erf, exp, matmul, mul, reshape, sigmoid, square, sub } from './functions.ts';
import type { CompositeName, OpAttrs } from './ops.ts';
import { GraphError } from './shapes.ts';
import type { Value } from './trace.ts';

type Expansion<O extends CompositeName> = (operands: readonly Value[], attrs: OpAttrs[O]) => Value;

/** Definition of each composite by primitives. It is the oracle for the kernels of targets. */
export const EXPANSIONS: { readonly [O in CompositeName]: Expansion<O> } = {
  silu: ([x]) => mul(required(x), sigmoid(required(x))),
  gelu: ([x], { form }) => mul(required(x), normalShare(required(x), form)),
  rotate([x, cos, sin]) {
    return add(mul(required(x), required(cos)), mul(swapPairs(required(x)), required(sin)));
  },
  attention: expandAttention,
  attentionStats: expandAttentionStats,
  attentionGradient: expandAttentionGradient,
};

/** d silu(x) / dx = s + y (1 - s) with s = sigmoid(x), y = x s; written as y + s (1 - y). */
export function siluSlope(x: Value, y: Value): Value {
  return add(mul(sub(1, y), sigmoid(x)), y);
}

/**
 * d gelu(x) / dx, given y = gelu(x). For the tanh form, x sigmoid(u(x)): s + y (1 - s) u'(x), with s = sigmoid(u(x)).
 * For the erf form: P(x) + x p(x), with p the normal density and P its distribution.
 */
export function geluSlope(x: Value, y: Value, form: OpAttrs['gelu']['form']): Value {
  const share = normalShare(x, form);
  if (form === 'erf') return add(mul(mul(exp(mul(square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI)), x), share);
  const slope = sub(mul(tanhArgument(x), 3), 2 * TANH_SCALE);
  return add(mul(mul(sub(1, share), y), slope), share);
}

/** Maps channels (2i, 2i + 1) of x [..., dim] to (-x[2i + 1], x[2i]): an exact product with a signed permutation. */
export function swapPairs(x: Value): Value {
  const dim = x.shape.at(-1) ?? 0;
  const swap = x.builder.constant(swapMatrix(dim), [dim, dim], x.dtype);
  return reshape(matmul(reshape(x, [-1, dim]), swap), x.shape);
}

const swapMatrices = new Map<number, readonly number[]>();

function swapMatrix(dim: number): readonly number[] {
  const known = swapMatrices.get(dim);
  if (known !== undefined) return known;
  const swap = new Array<number>(dim * dim).fill(0);
  for (let i = 0; i < dim; i += 2) {
    swap[(i + 1) * dim + i] = -1;
    swap[i * dim + i + 1] = 1;
  }
  swapMatrices.set(dim, swap);
  return swap;
}

const TANH_SCALE = 2 * Math.sqrt(2 / Math.PI);

/** 2 sqrt(2 / pi) (1 + 0.044715 x^2). The tanh form takes the sigmoid of x times this. */
function tanhArgument(x: Value): Value {
  return add(mul(square(x), 0.044715 * TANH_SCALE), TANH_SCALE);
}

function normalShare(x: Value, form: OpAttrs['gelu']['form']): Value {
  return form === 'tanh' ? sigmoid(mul(x, tanhArgument(x))) : mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
}

function required(x: Value | undefined): Value {
  if (x === undefined) throw new GraphError('a composite lacks an operand');
  return x;
}
