/** @file Operators over the windows of a picture: convolutions and pools. */
import { conv2d } from '../../../convolution.ts';
import * as graph from '../../../functions.ts';
import { avgPool, maxPool, type PoolOptions } from '../../../pooling.ts';
import { countWindows, GraphError, type Pair } from '../../../shapes.ts';
import type { Value } from '../../../trace.ts';
import type { OperatorRule } from './elementwise.ts';
import { checkPool } from './limits.ts';
import type { NodeReader } from './node-reader.ts';

type Padding = readonly [above: number, left: number, below: number, right: number];

function pairOf(values: readonly number[] | undefined): Pair {
  const [rows = 1, columns = rows, ...others] = values ?? [];
  if (others.length > 0) throw new GraphError('only pictures of two axes are supported');
  return [rows, columns];
}

/** Zeros around a picture, as `pads` or `auto_pad` say. */
function paddingOf(node: NodeReader, size: Pair, kernel: Pair, stride: Pair, dilation: Pair): Padding {
  const auto = node.word('auto_pad', ['NOTSET', 'VALID', 'SAME_UPPER', 'SAME_LOWER']);
  const [above = 0, left = 0, below = 0, right = 0] = node.ints('pads') ?? [];
  if (auto === 'NOTSET') return [above, left, below, right];
  if (auto === 'VALID') return [0, 0, 0, 0];
  const total = size.map((length, i) => {
    const reach = (dilation[i] ?? 1) * ((kernel[i] ?? 1) - 1) + 1;
    return Math.max(0, (Math.ceil(length / (stride[i] ?? 1)) - 1) * (stride[i] ?? 1) + reach - length);
  });
  const before = total.map(sum => (auto === 'SAME_UPPER' ? Math.floor(sum / 2) : Math.ceil(sum / 2)));
  const [top = 0, first = 0] = before;
  return [top, first, (total[0] ?? 0) - top, (total[1] ?? 0) - first];
}

const conv: OperatorRule = node => {
  const [x, weight, bias] = [node.value(0), node.value(1), node.optionalValue(2)];
  if (x.shape.length !== 4) throw new GraphError(`only pictures [n, c, h, w] are supported, not [${x.shape}]`);
  const [, , rows = 1, columns = 1] = weight.shape;
  const [stride, dilation] = [pairOf(node.ints('strides')), pairOf(node.ints('dilations'))];
  node.ignore('kernel_shape');
  const padding = paddingOf(node, sizeOfPicture(x), [rows, columns], stride, dilation);
  const result = conv2d(x, weight, { stride, dilation, padding, groups: node.int('group', 1) });
  return bias ? graph.add(result, graph.reshape(bias, [-1, 1, 1])) : result;
};

function sizeOfPicture({ shape: [, , height = 0, width = 0] }: Value): Pair {
  return [height, width];
}

/** Options of a pool. The ceil mode adds what the last window lacks. */
function poolOptions(node: NodeReader, x: Value): PoolOptions {
  const [kernel, stride] = [pairOf(node.ints('kernel_shape')), pairOf(node.ints('strides'))];
  if (node.ints('dilations')?.some(step => step !== 1)) throw new GraphError('dilated pools are not supported');
  const size = sizeOfPicture(x);
  checkPool(kernel);
  const [above, left, below, right] = paddingOf(node, size, kernel, stride, [1, 1]);
  const isCeil = node.int('ceil_mode', 0) === 1;
  const lacking = ([length, border, first]: readonly [number, number, number], i: 0 | 1) => {
    if (!isCeil) return 0;
    const rest = (length + border - kernel[i]) % stride[i];
    const windows = countWindows(length + border, kernel[i], stride[i]);
    // A window that begins beyond the picture and its padding before it does not count.
    return rest === 0 || windows * stride[i] >= length + first ? 0 : stride[i] - rest;
  };
  const [more, wider] = [lacking([size[0], above + below, above], 0), lacking([size[1], left + right, left], 1)];
  return { kernel, stride, padding: [above, left, below + more, right + wider] };
}

const maxPoolRule: OperatorRule = node => {
  if (node.node.outputs.length > 1) throw new GraphError('the places of the maxima are not supported');
  node.ignore('storage_order');
  return maxPool(node.value(0), poolOptions(node, node.value(0)));
};

const averagePool: OperatorRule = node => {
  const countPadding = node.int('count_include_pad', 0) === 1;
  if (countPadding && node.int('ceil_mode', 0) === 1) throw new GraphError('ceil_mode counts no padding here');
  return avgPool(node.value(0), { ...poolOptions(node, node.value(0)), countPadding });
};

export const WINDOWS: Readonly<Record<string, OperatorRule>> = {
  Conv: conv,
  MaxPool: maxPoolRule,
  AveragePool: averagePool,
};
