/** @file Models that move elements, select them, and do arithmetic with shapes. */
import { floats, ints, type ModelCase, modelOf, node, P } from './model-of.ts';

export const MOVEMENT_CASES: readonly ModelCase[] = [
  [
    'comparisons, Where, Not, And and Or',
    modelOf(
      P,
      P,
      [
        node('Greater', 'x h', 'g'),
        node('Less', 'x l', 's'),
        node('Or', 'g s', 'o'),
        node('Not', 'o', 'n'),
        node('GreaterOrEqual', 'x l', 'e'),
        node('And', 'n e', 'w'),
        node('Where', 'w x h', 'y'),
      ],
      [floats('h', [], 0, () => 0.4), floats('l', [], 0, () => -0.3)],
    ),
  ],
  ['Cast of a comparison', modelOf(P, P, [node('Equal', 'x x', 'e'), node('Cast', 'e', 'y', { to: 1 })])],
  [
    'Slice with steps, from the end and beyond it',
    modelOf(
      P,
      [2, 2, 4, 3],
      [node('Slice', 'x s e a t', 'y')],
      [ints('s', [1, -2, 6]), ints('e', [1000, -100, 0]), ints('a', [2, 1, -1]), ints('t', [2, -1, -2])],
    ),
  ],
  [
    'Slice with a step that ends within the axis',
    modelOf(
      [1, 1, 1, 7],
      [1, 1, 1, 3],
      [node('Slice', 'x s e a t', 'y')],
      [ints('s', [0]), ints('e', [7]), ints('a', [3]), ints('t', [3])],
    ),
  ],
  [
    'Slice of opset 9',
    modelOf(P, [2, 4, 3, 7], [node('Slice', 'x', 'y', { starts: [1], ends: [4], axes: [2] })], [], 9),
  ],
  [
    'Gather of several and of one',
    modelOf(
      P,
      [2, 2, 2, 7],
      [node('Gather', 'x i', 'a', { axis: 1 }), node('Gather', 'a j', 'y', { axis: 3 })],
      [ints('i', [3, -1, 0, 0], [2, 2]), ints('j', [4], [])],
    ),
  ],
  [
    'Split of opset 11 and 13',
    modelOf(
      P,
      [2, 2, 9, 7],
      [
        node('Split', 'x s', 'a b', { axis: 1 }),
        node('Split', 'a', 'c d', { axis: 1 }),
        node('Add', 'c b', 'e'),
        node('Concat', 'd e', 'y', { axis: 1 }),
      ],
      [ints('s', [2, 2])],
      13,
    ),
  ],
  ['Pad', modelOf(P, [2, 4, 12, 9], [node('Pad', 'x p', 'y')], [ints('p', [0, 0, 1, 0, 0, 0, 2, 2])])],
  [
    'Expand, Tile and Squeeze',
    modelOf(
      [1, 4, 1, 3],
      [2, 4, 6],
      [node('Expand', 'x s', 'a'), node('Squeeze', 'a q', 'b'), node('Tile', 'b t', 'y')],
      [ints('s', [2, 1, 1, 1]), ints('q', [2]), ints('t', [1, 1, 2])],
    ),
  ],
  [
    'DepthToSpace in both orders, and SpaceToDepth',
    modelOf(
      [1, 8, 2, 3],
      [1, 8, 2, 3],
      [
        node('DepthToSpace', 'x', 'a', { blocksize: 2 }),
        node('DepthToSpace', 'x', 'b', { blocksize: 2, mode: 'CRD' }),
        node('Add', 'a b', 'c'),
        node('SpaceToDepth', 'c', 'y', { blocksize: 2 }),
      ],
    ),
  ],
  [
    'Resize nearest by whole scales',
    modelOf(
      P,
      [2, 4, 18, 21],
      [
        node('Resize', 'x - s', 'y', {
          mode: 'nearest',
          coordinate_transformation_mode: 'asymmetric',
          nearest_mode: 'floor',
        }),
      ],
      [floats('s', [4], 0, () => 1)].map(each => ({
        ...each,
        bytes: new Uint8Array(Float32Array.of(1, 1, 2, 3).buffer),
      })),
    ),
  ],
  [
    'Resize nearest to sizes',
    modelOf(P, [2, 4, 5, 11], [node('Resize', 'x - - z', 'y', { mode: 'nearest' })], [ints('z', [2, 4, 5, 11])]),
  ],
  ...(['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric'] as const).map(
    places =>
      [
        `Resize linear, ${places}`,
        modelOf(
          P,
          [2, 4, 15, 4],
          [node('Resize', 'x - - z', 'y', { mode: 'linear', coordinate_transformation_mode: places })],
          [ints('z', [2, 4, 15, 4])],
        ),
      ] as const,
  ),
  [
    'arithmetic of shapes',
    modelOf(
      P,
      [2, 252],
      [
        node('Shape', 'x', 's'),
        node('Gather', 's zero', 'n', { axis: 0 }),
        node('Unsqueeze', 'n zero1', 'n1'),
        node('Gather', 's all', 'rest', { axis: 0 }),
        node('ReduceProd', 'rest', 'p', { keepdims: 1 }),
        node('Cast', 'p', 'pf', { to: 1 }),
        node('Floor', 'pf', 'pg'),
        node('Cast', 'pg', 'pi', { to: 7 }),
        node('Mul', 'pi one', 'q'),
        node('Div', 'q two', 'd'),
        node('Mul', 'd two', 'm'),
        node('Concat', 'n1 m', 'z', { axis: 0 }),
        node('Reshape', 'x z', 'y'),
      ],
      [ints('zero', [0], []), ints('zero1', [0]), ints('all', [1, 2, 3]), ints('one', [1]), ints('two', [2])],
      13,
    ),
  ],
  [
    'Range, ConstantOfShape, Equal and Where of known numbers',
    modelOf(
      [4, 3],
      [4, 3],
      [
        node('Shape', 'x', 's'),
        node('Gather', 's zero', 'n', { axis: 0 }),
        node('Range', 'zero n one', 'r'),
        node('Mod', 'r two', 'm'),
        node('Equal', 'm zero', 'e'),
        node('Shape', 'r', 'rs'),
        node('ConstantOfShape', 'rs', 'c'),
        node('Cast', 'r', 'f', { to: 1 }),
        node('Where', 'e f c', 'w'),
        node('Unsqueeze', 'w one1', 'u'),
        node('Add', 'x u', 'y'),
      ],
      [ints('zero', [0], []), ints('one', [1], []), ints('two', [2], []), ints('one1', [1])],
      13,
    ),
  ],
];
