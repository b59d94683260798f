/** @file Models of one operator that computes. */
import { floats, ints, type ModelCase, modelOf, node, P } from './model-of.ts';

const positive = (x: number) => Math.abs(x) + 0.5;

export const LAYER_CASES: readonly ModelCase[] = [
  [
    'Conv with groups, stride, dilation and uneven padding',
    modelOf(
      P,
      [2, 6, 5, 4],
      [
        node('Conv', 'x w b', 'y', {
          group: 2,
          strides: [2, 2],
          dilations: [2, 1],
          pads: [2, 0, 2, 2],
          kernel_shape: [3, 3],
        }),
      ],
      [floats('w', [6, 2, 3, 3]), floats('b', [6])],
    ),
  ],
  [
    'Conv with SAME_UPPER',
    modelOf(
      P,
      [2, 3, 5, 4],
      [node('Conv', 'x w', 'y', { auto_pad: 'SAME_UPPER', strides: [2, 2] })],
      [floats('w', [3, 4, 2, 4])],
    ),
  ],
  [
    'Conv with SAME_LOWER',
    modelOf(
      P,
      [2, 3, 5, 4],
      [node('Conv', 'x w', 'y', { auto_pad: 'SAME_LOWER', strides: [2, 2] })],
      [floats('w', [3, 4, 2, 4])],
    ),
  ],
  [
    'MaxPool with overlap',
    modelOf(
      P,
      [2, 4, 9, 7],
      [node('MaxPool', 'x', 'y', { kernel_shape: [5, 5], pads: [2, 2, 2, 2], strides: [1, 1] })],
    ),
  ],
  [
    'MaxPool with ceil_mode',
    modelOf(P, [2, 4, 4, 3], [node('MaxPool', 'x', 'y', { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 })]),
  ],
  [
    'MaxPool with ceil_mode and padding',
    modelOf(
      [1, 2, 8, 8],
      [1, 2, 5, 5],
      [node('MaxPool', 'x', 'y', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 })],
    ),
  ],
  [
    'MaxPool with uneven padding',
    modelOf(
      P,
      [2, 4, 5, 4],
      [node('MaxPool', 'x', 'y', { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 2, 2] })],
    ),
  ],
  [
    'AveragePool without padding in the mean',
    modelOf(
      P,
      [2, 4, 5, 4],
      [node('AveragePool', 'x', 'y', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] })],
    ),
  ],
  [
    'AveragePool with padding in the mean',
    modelOf(
      P,
      [2, 4, 5, 4],
      [
        node('AveragePool', 'x', 'y', {
          kernel_shape: [3, 3],
          strides: [2, 2],
          pads: [1, 1, 1, 1],
          count_include_pad: 1,
        }),
      ],
    ),
  ],
  [
    'GlobalAveragePool and Flatten',
    modelOf(P, [2, 4], [node('GlobalAveragePool', 'x', 'p'), node('Flatten', 'p', 'y')]),
  ],
  ['GlobalMaxPool', modelOf(P, [2, 4, 1, 1], [node('GlobalMaxPool', 'x', 'y')])],
  [
    'BatchNormalization',
    modelOf(
      P,
      P,
      [node('BatchNormalization', 'x g b m v', 'y', { epsilon: { float: 1e-3 } })],
      [floats('g', [4]), floats('b', [4], 1), floats('m', [4], 2), floats('v', [4], 3, positive)],
    ),
  ],
  [
    'InstanceNormalization',
    modelOf(P, P, [node('InstanceNormalization', 'x g b', 'y')], [floats('g', [4]), floats('b', [4], 1)]),
  ],
  [
    'LayerNormalization over two axes',
    modelOf(
      P,
      P,
      [node('LayerNormalization', 'x g b', 'y', { axis: -2 })],
      [floats('g', [9, 7]), floats('b', [9, 7], 1)],
    ),
  ],
  ['LpNormalization of the last axis', modelOf(P, P, [node('LpNormalization', 'x', 'y')])],
  ['LpNormalization of channels by p 1', modelOf(P, P, [node('LpNormalization', 'x', 'y', { axis: 1, p: 1 })])],
  [
    'LpNormalization of zeros',
    modelOf(
      [2, 3],
      [2, 3],
      [node('Mul', 'x z', 'm'), node('LpNormalization', 'm', 'y')],
      [floats('z', [3], 1, () => 0)],
    ),
  ],
  [
    'GeM pooling, as PyTorch exports it',
    modelOf(
      P,
      [2, 4],
      [
        node('Clip', 'x least', 'c'),
        node('Pow', 'c p', 'r'),
        node('AveragePool', 'r', 'm', { kernel_shape: [9, 7], strides: [9, 7] }),
        node('Pow', 'm q', 'f'),
        node('Flatten', 'f', 'y'),
      ],
      [...[floats('least', [], 1, () => 1e-6), floats('p', [], 1, () => 3), floats('q', [], 1, () => 1 / 3)]],
    ),
  ],
  [
    'Gemm with transposes and factors',
    modelOf(
      [5, 3],
      [3, 4],
      [node('Gemm', 'x w c', 'y', { transA: 1, transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } })],
      [floats('w', [4, 5]), floats('c', [4])],
    ),
  ],
  [
    'MatMul with a matrix, then of batches',
    modelOf(
      [2, 3, 5, 4],
      [2, 3, 5, 5],
      [node('MatMul', 'x w', 'a'), node('Transpose', 'a', 't', { perm: [0, 1, 3, 2] }), node('MatMul', 'a t', 'y')],
      [floats('w', [4, 6])],
    ),
  ],
  [
    'MatMul with batches that broadcast',
    modelOf([2, 3, 5, 4], [2, 3, 5, 6], [node('MatMul', 'x w', 'y')], [floats('w', [3, 4, 6])]),
  ],
  ['Softmax over one axis', modelOf(P, P, [node('Softmax', 'x', 'y', { axis: 1 })])],
  ['Softmax of opset 11 over all axes from 1 on', modelOf(P, P, [node('Softmax', 'x', 'y', { axis: 1 })], [], 11)],
  ['LogSoftmax', modelOf([3, 5], [3, 5], [node('LogSoftmax', 'x', 'y')])],
  [
    'ReduceMean of opset 11',
    modelOf(P, [2, 4], [node('ReduceMean', 'x', 'y', { axes: [-1, 2], keepdims: 0 })], [], 11),
  ],
  ['ReduceMean of opset 18', modelOf(P, [2, 4, 1, 1], [node('ReduceMean', 'x a', 'y')], [ints('a', [2, 3])], 18)],
  ['ReduceSum of opset 13 over all', modelOf(P, [], [node('ReduceSum', 'x', 'y', { keepdims: 0 })], [], 13)],
  [
    'ReduceMax and ReduceMin',
    modelOf(
      P,
      [2, 1, 9, 7],
      [node('ReduceMax', 'x', 'a', { axes: [1] }), node('ReduceMin', 'x', 'b', { axes: [1] }), node('Sub', 'a b', 'y')],
      [],
      13,
    ),
  ],
  [
    'ReduceL1, ReduceL2 and ReduceSumSquare',
    modelOf(
      P,
      [2, 4, 9, 1],
      [
        node('ReduceL1', 'x', 'a', { axes: [3] }),
        node('ReduceL2', 'x', 'b', { axes: [3] }),
        node('ReduceSumSquare', 'x', 'c', { axes: [3] }),
        node('Sum', 'a b c', 'y'),
      ],
      [],
      13,
    ),
  ],
  [
    'HardSigmoid, HardSwish and LeakyRelu',
    modelOf(P, P, [
      node('HardSigmoid', 'x', 'a', { alpha: { float: 1 / 6 } }),
      node('HardSwish', 'x', 'b'),
      node('LeakyRelu', 'x', 'c', { alpha: { float: 0.1 } }),
      node('Mul', 'a b', 'd'),
      node('Add', 'd c', 'y'),
    ]),
  ],
  ['PRelu', modelOf(P, P, [node('PRelu', 'x s', 'y')], [floats('s', [4, 1, 1])])],
  [
    'Erf, Gelu and Tanh',
    modelOf(
      P,
      P,
      [
        node('Erf', 'x', 'a'),
        node('Gelu', 'x', 'b'),
        node('Gelu', 'x', 'c', { approximate: 'tanh' }),
        node('Sum', 'a b c', 'd'),
        node('Tanh', 'd', 'y'),
      ],
      [],
      20,
    ),
  ],
  [
    'Exp, Log, Sqrt, Abs, Neg, Reciprocal, Sin and Cos',
    modelOf(P, P, [
      node('Exp', 'x', 'e'),
      node('Sqrt', 'e', 's'),
      node('Log', 's', 'l'),
      node('Abs', 'l', 'a'),
      node('Neg', 'a', 'n'),
      node('Reciprocal', 'e', 'r'),
      node('Sin', 'n', 'i'),
      node('Cos', 'r', 'c'),
      node('Sub', 'i c', 'y'),
    ]),
  ],
  [
    'Clip with inputs, one of them left out',
    modelOf(
      P,
      P,
      [node('Clip', 'x - h', 'c'), node('Clip', 'c l', 'y')],
      [floats('h', [], 0, () => 0.4), floats('l', [], 0, () => -0.3)],
    ),
  ],
  [
    'Clip of opset 6 with attributes',
    modelOf(P, P, [node('Clip', 'x', 'y', { min: { float: 0 }, max: { float: 0.5 } })], [], 10),
  ],
  [
    'Pow, Max and Min',
    modelOf(
      P,
      P,
      [node('Pow', 'x two', 'a'), node('Max', 'a x', 'b'), node('Min', 'b x two', 'y')],
      [floats('two', [], 0, () => 2)],
    ),
  ],
];
