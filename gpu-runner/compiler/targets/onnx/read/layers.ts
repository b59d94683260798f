/** @file Operators that mix elements: products, reductions, norms. They become graph operations. */
import { layerNorm } from '../../../composites.ts';
import * as graph from '../../../functions.ts';
import { broadcastShapes, GraphError, normalizeAxes } from '../../../shapes.ts';
import { type Shape, sizeOf } from '../../../tensor.ts';
import type { Value } from '../../../trace.ts';
import type { OperatorRule } from './elementwise.ts';
import { isKnown } from './held.ts';
import { mapKnown } from './known.ts';
import type { NodeReader } from './node-reader.ts';

/** x [n, c, h, w] with a number for each channel, [c]. */
function alongChannels(channels: Value, rank: number): Value {
  return graph.reshape(channels, [-1, ...Array.from({ length: rank - 2 }, () => 1)]);
}

/** NumPy's matmul: leading axes broadcast. */
function multiply(a: Value, b: Value): Value {
  if (b.shape.length === 2 && a.shape.length >= 2) {
    const rows = graph.reshape(a, [-1, a.shape.at(-1) ?? 0]);
    return graph.reshape(graph.matmul(rows, b), [...a.shape.slice(0, -1), b.shape[1] ?? 0]);
  }
  if (a.shape.length < 2 || b.shape.length < 2) throw new GraphError('a product of vectors is not supported');
  const leading = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const spread = (x: Value) => graph.broadcast(x, [...leading, ...x.shape.slice(-2)]);
  return graph.matmul(spread(a), spread(b));
}

const gemm: OperatorRule = node => {
  const [transposeA, transposeB] = [node.int('transA', 0) === 1, node.int('transB', 0) === 1];
  const scaled = graph.mul(
    graph.matmul(node.value(0), node.value(1), { transposeA, transposeB }),
    node.float('alpha') ?? 1,
  );
  const beta = node.float('beta') ?? 1;
  const bias = node.optionalValue(2);
  return bias ? graph.add(scaled, graph.mul(bias, beta)) : scaled;
};

/** @param host The same of known numbers, from `initial`. */
function reduction(
  reduce: (x: Value, axes: readonly number[]) => Value,
  host?: { readonly fn: (sum: number, x: number) => number; readonly initial: number },
): OperatorRule {
  return node => {
    const x = node.held(0);
    const rank = x.shape.length;
    const given = node.numbersOr(1, 'axes') ?? [];
    const isAll = given.length === 0;
    if (isAll && node.int('noop_with_empty_axes', 0) === 1) return x;
    node.ignore('noop_with_empty_axes');
    const axes = isAll ? x.shape.map((_, axis) => axis) : normalizeAxes(given, rank);
    const keeps = node.int('keepdims', 1) === 1;
    const shape = x.shape.flatMap((size, axis) => (axes.includes(axis) ? (keeps ? [1] : []) : [size]));
    if (isKnown(x) && host && axes.length === rank) {
      return mapKnown(x.type, shape, [], () => [...x.data].reduce(host.fn, host.initial));
    }
    return graph.reshape(reduce(node.value(0), axes), shape);
  };
}

/** Before opset 13 all axes from `axis` on are one. */
function softmaxOver(node: NodeReader): Value {
  const x = node.value(0);
  const axis = node.axis(node.int('axis', node.opset < 13 ? 1 : -1), x.shape.length);
  if (node.opset >= 13) return graph.softmax(x, axis);
  const flat = graph.reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
  return graph.reshape(graph.softmax(flat, 1), x.shape);
}

const batchNorm: OperatorRule = node => {
  if (node.int('training_mode', 0) !== 0) throw new GraphError('a norm in training mode is not supported');
  node.ignore('momentum', 'spatial');
  const [x, gain, bias, mean, variance] = [0, 1, 2, 3, 4].map(index => node.value(index)) as [
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const scale = graph.mul(gain, graph.rsqrt(graph.add(variance, node.float('epsilon') ?? 1e-5)));
  const shift = graph.sub(bias, graph.mul(mean, scale));
  const rank = x.shape.length;
  return graph.add(graph.mul(x, alongChannels(scale, rank)), alongChannels(shift, rank));
};

/** The mean over all axes after the channels is 0 and the variance 1 in each picture. */
const instanceNorm: OperatorRule = node => {
  const x = node.value(0);
  const [batch = 0, channels = 0] = x.shape;
  const normal = layerNorm(graph.reshape(x, [batch, channels, -1]), { eps: node.float('epsilon') ?? 1e-5 });
  const [gain, bias] = [alongChannels(node.value(1), 3), alongChannels(node.value(2), 3)];
  return graph.reshape(graph.add(graph.mul(normal, gain), bias), x.shape);
};

const layerNormRule: OperatorRule = node => {
  if (node.node.outputs.length > 1) throw new GraphError('the mean and deviation of a norm are not supported');
  node.ignore('stash_type');
  const x = node.value(0);
  const axis = node.axis(node.int('axis', -1), x.shape.length);
  const flat = (value: Value, shape: Shape) => graph.reshape(value, shape);
  const bias = node.optionalValue(2);
  const normal = layerNorm(flat(x, [-1, sizeOf(x.shape.slice(axis))]), {
    gain: flat(node.value(1), [-1]),
    ...(bias && { bias: flat(bias, [-1]) }),
    eps: node.float('epsilon') ?? 1e-5,
  });
  return flat(normal, x.shape);
};

/** Rows of length 1 along an axis; a row of zeros stays as it is. */
const lpNorm: OperatorRule = node => {
  const x = node.value(0);
  const axis = node.axis(node.int('axis', -1), x.shape.length);
  const power = node.int('p', 2);
  if (power !== 1 && power !== 2) throw new GraphError(`a norm of the power ${power}, expected 1 or 2`);
  const sum = power === 1 ? graph.reduceSum(graph.abs(x), [axis]) : graph.sqrt(sumOfSquares(x, [axis]));
  const shape = x.shape.map((size, i) => (i === axis ? 1 : size));
  return graph.div(x, graph.max(graph.reshape(sum, shape), SMALLEST_NORM));
};

const pad: OperatorRule = node => {
  node.word('mode', ['constant']);
  const x = node.value(0);
  const rank = x.shape.length;
  const pads = node.numbersOr(1, 'pads') ?? [];
  if ((node.scalarOr(2, 'value') ?? 0) !== 0) throw new GraphError('only zeros are padded');
  const axes = node.optional(3) ? normalizeAxes(node.numbers(3), rank) : x.shape.map((_, axis) => axis);
  const before = x.shape.map((_, axis) => (axes.includes(axis) ? (pads[axes.indexOf(axis)] ?? 0) : 0));
  const after = x.shape.map((_, axis) => (axes.includes(axis) ? (pads[axes.indexOf(axis) + axes.length] ?? 0) : 0));
  if ([...before, ...after].some(size => size < 0)) throw new GraphError('padding below 0 is not supported');
  return graph.pad(x, before, after);
};

/** Rows that are shorter count as zeros. */
const SMALLEST_NORM = 1e-30;

const spatial = (x: Value) => x.shape.map((_, axis) => axis).slice(2);
const sumOfSquares = (x: Value, axes: readonly number[]) => graph.reduceSum(graph.square(x), axes);

export const LAYERS: Readonly<Record<string, OperatorRule>> = {
  MatMul: node => multiply(node.value(0), node.value(1)),
  Gemm: gemm,
  GlobalAveragePool: node => graph.reduceMean(node.value(0), spatial(node.value(0))),
  GlobalMaxPool: node => graph.reduceMax(node.value(0), spatial(node.value(0))),
  ReduceSum: reduction(graph.reduceSum, { fn: (sum, x) => sum + x, initial: 0 }),
  ReduceMean: reduction(graph.reduceMean),
  ReduceMax: reduction(graph.reduceMax, { fn: (x, y) => Math.max(x, y), initial: -Infinity }),
  ReduceMin: reduction((x, axes) => graph.neg(graph.reduceMax(graph.neg(x), axes)), {
    fn: (x, y) => Math.min(x, y),
    initial: Infinity,
  }),
  ReduceProd: reduction(
    () => {
      throw new GraphError('it is read only of numbers that are known before the run');
    },
    { fn: (product, x) => product * x, initial: 1 },
  ),
  ReduceL1: reduction((x, axes) => graph.reduceSum(graph.abs(x), axes)),
  ReduceL2: reduction((x, axes) => graph.sqrt(sumOfSquares(x, axes))),
  ReduceSumSquare: reduction(sumOfSquares),
  Softmax: softmaxOver,
  LogSoftmax: node => graph.log(softmaxOver(node)),
  BatchNormalization: batchNorm,
  InstanceNormalization: instanceNorm,
  LayerNormalization: layerNormRule,
  LpNormalization: lpNorm,
  Pad: pad,
};
