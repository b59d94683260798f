/** @file Graphs for each operation and composite, with odd shapes and broadcasting, for gradient and engine tests. */
import { attend, type KeyGroup } from '../attention.ts';
import * as c from '../composites.ts';
import { type Conv2dOptions, conv2d } from '../convolution.ts';
import { enlarge } from '../enlarge.ts';
import * as f from '../functions.ts';
import type { OpName } from '../ops.ts';
import { avgPool, maxPool } from '../pooling.ts';
import { type Rotation, rotate } from '../rotary.ts';
import { type DType, type Shape, sizeOf } from '../tensor.ts';
import type { Value } from '../trace.ts';

export interface OpCase {
  readonly name: string;
  readonly op: OpName | 'composite';
  readonly inputs: readonly CaseInput[];
  build(inputs: readonly Value[]): Value;
}

export interface CaseInput {
  readonly shape: Shape;
  readonly dtype?: DType;
  /** Range of the uniform random values; default [-2, 2]. */
  readonly range?: readonly [number, number];
}

const X: CaseInput = { shape: [3, 5] };
const POSITIVE: CaseInput = { shape: [3, 5], range: [0.2, 3] };

function nth(values: readonly Value[], index: number): Value {
  const value = values[index];
  if (value === undefined) throw new TypeError(`case has no input ${index}`);
  return value;
}

function unary(op: OpName, build: (x: Value) => Value, input = X): OpCase {
  return { name: op, op, inputs: [input], build: values => build(nth(values, 0)) };
}

function binary(op: OpName, build: (x: Value, y: Value) => Value, a = X, b = X): OpCase {
  const name = `${op} [${a.shape.join(',')}] [${b.shape.join(',')}]`;
  return { name, op, inputs: [a, b], build: values => build(nth(values, 0), nth(values, 1)) };
}

/** A case of a function with as many operands as `inputs` has. */
function composite(name: string, inputs: readonly CaseInput[], build: (...operands: Operands) => Value): OpCase {
  return { name, op: 'composite', inputs, build: values => build(...(values as Operands)) };
}

/** Operands of a case. The type allows a `build` to name the first three without checks. */
type Operands = readonly [Value, Value, Value, ...Value[]];

/** A query, two groups of keys and values, and a bias of the second group. */
const ATTENTION: readonly CaseInput[] = [
  { shape: [2, 2, 3, 4] },
  { shape: [2, 2, 5, 4] },
  { shape: [2, 2, 5, 3] },
  { shape: [2, 2, 2, 4] },
  { shape: [2, 2, 2, 3] },
  { shape: [2, 1, 1, 2], range: [-3, 0] },
];

function groupsOf([key, value, secondKey, secondValue, bias]: readonly Value[]): KeyGroup[] {
  const groups = [
    { key, value },
    { key: secondKey, value: secondValue, bias },
  ];
  return groups.filter((group): group is KeyGroup => group.key !== undefined && group.value !== undefined);
}

/** Softmax is then far from a single key, and few digits cancel in its gradients. */
const NARROW = [-0.5, 0.5] as const;
/** Query, key and value that kernels of attention take, then small ones that they do not take. */
const WIDE_HEADS: readonly CaseInput[] = [
  { shape: [2, 1, 2, 8], range: NARROW },
  { shape: [2, 1, 4, 8], range: NARROW },
  { shape: [2, 1, 4, 8] },
];
const SMALL_HEADS: readonly CaseInput[] = [
  { shape: [1, 2, 2, 2], range: NARROW },
  { shape: [1, 2, 4, 2], range: NARROW },
  { shape: [1, 2, 4, 2], range: NARROW },
];

/** The operation with each kind of mask, its statistics, and each of its gradients as an operation. */
const FUSED_ATTENTION: readonly OpCase[] = [
  composite(
    'fused attention of odd numbers of tokens',
    [
      { shape: [2, 1, 1, 8] },
      { shape: [2, 1, 2, 8] },
      { shape: [2, 1, 2, 8] },
      { shape: [2, 1, 1, 8] },
      { shape: [2, 1, 1, 8] },
      { shape: [2, 1, 1, 1], range: [-3, 0] },
    ],
    (query, ...groups) => attend(query, groupsOf(groups), { fused: true }),
  ),
  ...(
    [
      ['none', []],
      ['bias', [{ shape: [2, 1, 1, 4], range: [-3, 0] }]],
      ['lengths', [{ shape: [2], dtype: 'i32', range: [1, 5] }]],
    ] as const
  ).map(
    ([mask, operand]): OpCase => ({
      name: `attention, mask: ${mask}`,
      op: 'attention',
      inputs: [...WIDE_HEADS, ...operand],
      build: v => nth(v, 0).builder.emit('attention', v, { scale: 0.4, mask }),
    }),
  ),
  {
    name: 'attentionStats',
    op: 'attentionStats',
    inputs: [...SMALL_HEADS, { shape: [1, 1, 1, 4], range: [-3, 0] }],
    build: v => nth(v, 0).builder.emit('attentionStats', v, { scale: 0.4, mask: 'bias' }),
  },
  ...(['query', 'key', 'value', 'bias'] as const).map(
    (of): OpCase => ({
      name: `attentionGradient by ${of}`,
      op: 'attentionGradient',
      inputs: [...SMALL_HEADS, { shape: [1, 2, 2, 2], range: NARROW }, { shape: [1, 1, 1, 4], range: [-3, 0] }],
      build(v) {
        const { builder } = nth(v, 0);
        const operands = [nth(v, 0), nth(v, 1), nth(v, 2), nth(v, 4)];
        const attrs = { scale: 1, mask: 'bias' } as const;
        const y = builder.emit('attention', operands, attrs);
        const stats = builder.emit('attentionStats', operands, attrs);
        const all = [...operands.slice(0, 3), stats, y, nth(v, 3), nth(v, 4)];
        return builder.emit('attentionGradient', all, { ...attrs, of });
      },
    }),
  ),
];

const BROADCASTS: readonly (readonly [Shape, Shape])[] = [
  [[3, 5], [5]],
  [
    [3, 1, 5],
    [4, 1],
  ],
  [[], [2, 3]],
  [
    [1, 3],
    [1, 3],
  ],
];

function matmulCase(a: Shape, b: Shape, transposeA: boolean, transposeB: boolean): OpCase {
  return {
    name: `matmul [${a.join(',')}]${transposeA ? 'ᵀ' : ''} [${b.join(',')}]${transposeB ? 'ᵀ' : ''}`,
    op: 'matmul',
    inputs: [{ shape: a }, { shape: b }],
    build: values => f.matmul(nth(values, 0), nth(values, 1), { transposeA, transposeB }),
  };
}

/** Indices into an axis of size 5, with repeats. */
const indicesOf = (shape: Shape): CaseInput => ({ shape, dtype: 'i32', range: [0, 5] });

function gatherCase(shape: Shape, axis: number, indices: Shape): OpCase {
  return {
    name: `gather [${indices.join(',')}] from axis ${axis} of [${shape.join(',')}]`,
    op: 'gather',
    inputs: [{ shape }, indicesOf(indices)],
    build: v => f.gather(nth(v, 0), nth(v, 1), axis),
  };
}

function scatterCase(shape: Shape, axis: number, indices: Shape): OpCase {
  const updates = axis < 0 ? [...shape.slice(0, axis), ...indices] : shape.with(axis, sizeOf(indices));
  return {
    name: `scatterAdd at [${indices.join(',')}] into axis ${axis} of [${shape.join(',')}]`,
    op: 'scatterAdd',
    inputs: [{ shape }, indicesOf(indices), { shape: updates }],
    build: v => f.scatterAdd(nth(v, 0), nth(v, 1), nth(v, 2), axis),
  };
}

function conv2dCase(x: Shape, weight: Shape, options: Conv2dOptions = {}): OpCase {
  return {
    name: `conv2d [${x.join(',')}] [${weight.join(',')}] ${JSON.stringify(options)}`,
    op: 'conv2d',
    inputs: [{ shape: x }, { shape: weight }],
    build: v => conv2d(nth(v, 0), nth(v, 1), options),
  };
}

export const OP_CASES: readonly OpCase[] = [
  unary('neg', f.neg),
  unary('exp', f.exp),
  unary('log', f.log, POSITIVE),
  unary('sqrt', f.sqrt, POSITIVE),
  unary('reciprocal', f.reciprocal, POSITIVE),
  unary('tanh', f.tanh),
  unary('sigmoid', f.sigmoid),
  unary('erf', f.erf),
  unary('sin', f.sin),
  unary('cos', f.cos),
  unary('abs', f.abs),
  unary('stopGradient', x => f.mul(f.stopGradient(x), x)),
  unary('after', x => f.mul(f.after(x, [f.exp(x)]), x)),
  unary('never', x => f.select(x.builder.emit('never', [x, f.exp(x)], {}), x, f.mul(x, x))),
  ...BROADCASTS.flatMap(([a, b]) => [
    binary('add', f.add, { shape: a }, { shape: b }),
    binary('sub', f.sub, { shape: a }, { shape: b }),
    binary('mul', f.mul, { shape: a }, { shape: b }),
    binary('div', f.div, { shape: a }, { shape: b, range: [0.5, 2] }),
    binary('max', f.max, { shape: a }, { shape: b }),
    binary('min', f.min, { shape: a }, { shape: b }),
    binary('select', (x, y) => f.select(f.less(x, y), f.mul(x, 2), y), { shape: a }, { shape: b }),
  ]),
  unary('mul', x => f.mul(x, x)),
  unary('min', x => f.min(f.max(x, -0.5), 1.25)),
  unary('min', x => f.mul(f.min(f.max(x, -0.5), 1.25), f.max(x, -0.5))),
  binary('less', (x, y) => f.mul(f.cast(f.less(x, y), 'f32'), x)),
  binary('equal', (x, y) => f.mul(f.cast(f.equal(x, y), 'f32'), x)),
  binary('and', (x, y) => f.select(f.and(f.less(x, 0), f.less(y, 0)), x, y)),
  binary('not', (x, y) => f.select(f.not(f.less(x, 0)), x, y)),
  unary('reduceSum', x => f.reduceSum(x, [0, 2]), { shape: [2, 3, 4] }),
  unary('reduceSum', x => f.reduceSum(f.mul(x, x), [-1]), { shape: [2, 3, 4] }),
  unary('reduceMax', x => f.reduceMax(x, [1]), { shape: [2, 3, 4] }),
  matmulCase([3, 4], [4, 5], false, false),
  matmulCase([4, 3], [4, 5], true, false),
  matmulCase([3, 4], [5, 4], false, true),
  matmulCase([4, 3], [5, 4], true, true),
  matmulCase([2, 3, 4], [2, 4, 5], false, false),
  matmulCase([2, 2, 4, 3], [2, 2, 4, 5], true, false),
  matmulCase([2, 3, 4], [2, 5, 4], false, true),
  matmulCase([2, 4, 3], [2, 5, 4], true, true),
  matmulCase([1, 7], [7, 1], false, false),
  conv2dCase([2, 3, 5, 4], [4, 3, 3, 2]),
  conv2dCase([1, 2, 7, 6], [3, 2, 3, 3], { stride: 2, padding: 1 }),
  conv2dCase([2, 4, 6, 5], [6, 2, 2, 3], { groups: 2, stride: [1, 3], padding: [0, 2] }),
  conv2dCase([1, 3, 8, 7], [3, 1, 3, 3], { groups: 3, dilation: [2, 1], stride: [3, 2], padding: [2, 1] }),
  conv2dCase([2, 4, 6, 7], [4, 1, 3, 3], { groups: 4, stride: 2, padding: [0, 1, 1, 2] }),
  conv2dCase([1, 1, 1, 2], [2, 1, 1, 1], { padding: 2, stride: 3 }),
  conv2dCase([1, 2, 4, 4], [1, 2, 4, 4]),
  unary('reshape', x => f.mul(f.reshape(x, [5, -1]), f.reshape(x, [5, 3]))),
  unary('transpose', x => f.transpose(x, [2, 0, 1]), { shape: [2, 3, 4] }),
  unary('broadcast', x => f.broadcast(x, [4, 3, 5]), { shape: [3, 1] }),
  unary('slice', x => f.slice(f.slice(x, 1, 1, 4), 0, 0, 1)),
  unary('pad', x => f.pad(x, [1, 0], [0, 2])),
  binary('concat', (x, y) => f.concat([x, y, x], 1), { shape: [2, 3] }, { shape: [2, 1] }),
  {
    name: 'cast',
    op: 'cast',
    inputs: [{ shape: [4], dtype: 'i32', range: [-9, 9] }],
    build: v => f.cast(nth(v, 0), 'f32'),
  },
  gatherCase([5, 3], 0, [7]),
  gatherCase([2, 5, 3], 1, [4]),
  gatherCase([2, 3, 5], -1, [2, 3]),
  scatterCase([5, 3], 0, [7]),
  scatterCase([2, 5, 3], 1, [4]),
  scatterCase([2, 3, 5], -1, [2, 3]),
  unary('softmax', x => f.mul(f.softmax(x), x)),
  unary('softmax', x => f.mul(f.softmax(x, 0), x)),
  {
    name: 'constant',
    op: 'constant',
    inputs: [X],
    build: v => f.mul(nth(v, 0), nth(v, 0).builder.constant([1, 2, 3, 4, 5], [5])),
  },
  {
    name: 'constant splat',
    op: 'constant',
    inputs: [X],
    build: v => f.mul(nth(v, 0), nth(v, 0).builder.constant([3], [3, 5])),
  },
  {
    name: 'sums of broadcasts of sums',
    op: 'composite',
    inputs: [{ shape: [2, 3, 4] }, { shape: [4] }, { shape: [2, 1, 1] }],
    build: v => {
      const total = f.reduceSum(f.add(nth(v, 0), nth(v, 1)), [0, 1]);
      return f.mul(f.add(f.broadcast(total, [2, 3, 4]), nth(v, 2)), nth(v, 2));
    },
  },
  {
    name: 'a scalar added to everything before a sum',
    op: 'composite',
    inputs: [{ shape: [] }, { shape: [3, 4] }],
    build: v => f.reduceSum(f.sub(f.mul(nth(v, 1), 2), f.tanh(nth(v, 0))), [0]),
  },
  composite('greater', [{ shape: [3, 1] }, { shape: [4] }], (x, y) => f.select(f.greater(x, y), x, y)),
  composite('lessEqual', [{ shape: [3, 1] }, { shape: [4] }], (x, y) => f.select(f.lessEqual(x, y), f.mul(x, 2), y)),
  composite('greaterEqual', [X, X], (x, y) => f.select(f.greaterEqual(x, y), x, f.mul(y, 3))),
  composite('square', [X], f.square),
  composite('rsqrt', [POSITIVE], f.rsqrt),
  ...[3, -2, 0.5, 1.7, 0].map(exponent => composite(`pow ${exponent}`, [POSITIVE], x => f.pow(x, exponent))),
  composite('pow 5 of negative numbers', [X], x => f.pow(x, 5)),
  composite('rms norm', [X], x => c.rmsNorm(x)),
  composite('rms norm with gain', [{ shape: [2, 3, 7] }, { shape: [7] }], (x, gain) => c.rmsNorm(x, { gain })),
  composite('layer norm', [X], x => c.layerNorm(x)),
  composite('layer norm with gain and bias', [{ shape: [2, 3, 7] }, { shape: [7] }, { shape: [7] }], (x, gain, bias) =>
    c.layerNorm(x, { gain, bias, eps: 1e-5 }),
  ),
  composite('enlarge by 2', [{ shape: [2, 3, 4, 5] }], x => enlarge(x, 2)),
  composite('enlarge by 3', [{ shape: [1, 2, 1, 4] }], x => enlarge(x, 3)),
  ...(
    [
      [{ kernel: 2 }, [2, 3, 5, 4]],
      [{ kernel: 3, stride: 2 }, [1, 2, 8, 7]],
      [{ kernel: [3, 2], stride: [1, 3], padding: [2, 1] }, [2, 1, 4, 6]],
    ] as const
  ).flatMap(([options, shape]) => [
    composite(`max pool ${JSON.stringify(options)}`, [{ shape }], x => maxPool(x, options)),
    composite(`average pool ${JSON.stringify(options)}`, [{ shape }], x => avgPool(x, options)),
    composite(`average pool without padding ${JSON.stringify(options)}`, [{ shape }], x =>
      avgPool(x, { ...options, countPadding: false }),
    ),
  ]),
  composite('attention of key groups', ATTENTION, (query, ...groups) => attend(query, groupsOf(groups))),
  composite('attention in chunks of keys', ATTENTION, (query, ...groups) =>
    attend(query, groupsOf(groups), { chunk: 2, scale: 0.7 }),
  ),
  ...[{}, { chunk: 3 }].map(options =>
    composite(
      `attention with a bias of all keys ${JSON.stringify(options)}`,
      [...ATTENTION, { shape: [2, 1, 1, 7], range: [-3, 0] }],
      (query, ...rest) => attend(query, groupsOf(rest), { ...options, bias: nth(rest, 5) }),
    ),
  ),
  ...FUSED_ATTENTION,
  composite(
    'rotation with a gain',
    [{ shape: [2, 2, 3, 4] }, { shape: [3, 2, 1] }, { shape: [4] }],
    (x, angles, gain) => rotate(x, rotationBy(angles), gain),
  ),
  {
    name: 'rotate',
    op: 'rotate',
    inputs: [{ shape: [2, 3, 6] }, { shape: [3, 3, 1] }],
    build: v => rotate(nth(v, 0), rotationBy(nth(v, 1))),
  },
  {
    name: 'rotate by literal angles',
    op: 'rotate',
    inputs: [{ shape: [2, 3, 5, 4] }],
    build(v) {
      const x = nth(v, 0);
      const angles = Array.from({ length: 20 }, (_, i) => Math.floor(i / 2) * 0.7);
      const table = (turn: (angle: number) => number) =>
        x.builder.constant(
          angles.map(angle => Math.fround(turn(angle))),
          [5, 4],
        );
      return rotate(x, { cos: table(Math.cos), sin: table(Math.sin) });
    },
  },
  unary('gelu', c.gelu),
  { ...unary('gelu', c.geluErf), name: 'gelu by the error function' },
  unary('silu', c.silu),
  composite('swiglu', [X, X], c.swiglu),
  {
    name: 'linear',
    op: 'composite',
    inputs: [{ shape: [2, 3, 4] }, { shape: [4, 5] }],
    build: v => c.linear(nth(v, 0), nth(v, 1)),
  },
  {
    name: 'attention with a mask',
    op: 'composite',
    inputs: [{ shape: [2, 3, 4] }, { shape: [2, 5, 4] }, { shape: [2, 5, 4] }, { shape: [2, 1, 5], range: [-3, 0] }],
    build: v => {
      const scores = f.add(f.matmul(nth(v, 0), nth(v, 1), { transposeB: true }), nth(v, 3));
      return f.matmul(f.softmax(scores), nth(v, 2));
    },
  },
];

/** Angles [tokens, pairs, 1] as tables [tokens, 2 * pairs]. */
function rotationBy(angles: Value): Rotation {
  const [tokens = 0, pairs = 0] = angles.shape;
  const each = f.reshape(f.broadcast(angles, [tokens, pairs, 2]), [tokens, 2 * pairs]);
  return { cos: f.cos(each), sin: f.sin(each) };
}

/** sum(weights * y); each element of y has a different weight. */
export function weightedSum(y: Value): Value {
  const weights = Array.from({ length: sizeOf(y.shape) }, (_, i) => 0.3 + ((i * 0.618) % 1));
  return f.sumAll(f.mul(y, y.builder.constant(weights, y.shape)));
}
