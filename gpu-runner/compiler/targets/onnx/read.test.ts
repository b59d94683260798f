import { expect, test } from 'vitest';
import { MessageWriter } from '../../../../formats/protobuf.ts';
import { Builder } from '../../trace.ts';
import { encodeModel, type OnnxModel } from './model.ts';
import { Known, knownInts } from './read/known.ts';
import { createLimits } from './read/limits.ts';
import { ONNX_OPERATORS, readOnnx } from './read.ts';
import { floats, ints, modelOf, node, P } from './testing/model-of.ts';

const traceOf = (bytes: Uint8Array, shapes = {}) => readOnnx(bytes).trace(shapes);

/** A model written field by field, for what our own writer never writes. */
function modelWith(
  write: (graph: MessageWriter) => void,
  input: (shape: MessageWriter) => void = shape => dim(shape, 4),
) {
  return new MessageWriter()
    .message(7, graph => {
      write(graph);
      graph.message(11, value =>
        value.string(1, 'x').message(2, type => type.message(1, tensor => tensor.int(1, 1).message(2, input))),
      );
      graph.message(12, value => value.string(1, 'y'));
    })
    .message(8, opset => opset.string(1, '').int(2, 13))
    .finish();
}
const dim = (shape: MessageWriter, size: number) => void shape.message(1, dimension => dimension.int(1, size));
const identity = (graph: MessageWriter) =>
  void graph.message(1, message => message.string(1, 'x').string(2, 'y').string(3, 'same').string(4, 'Identity'));

test.each([
  ['a range of 10^12 numbers', node('Range', 'z e o', 'y'), '1000000000000 places along one axis'],
  ['a range without a step', node('Range', 'z e z', 'y'), 'Infinity places along one axis'],
  ['copies without number', node('Tile', 'x e', 'y'), 'places along one axis'],
  ['10^9 parts', node('Split', 'x', 'y', { num_outputs: 1e9 }), '1000000000 places along one axis'],
  ['negative sizes', node('Reshape', 'x n', 'y'), '[-2, -3, 2, 42] is no shape'],
  ['a broken size', node('Reshape', 'x f', 'y'), '[5, 100.8] is no shape'],
  ['blocks of negative sides', node('SpaceToDepth', 'x', 'y', { blocksize: -1 }), 'is no shape'],
  ['a border of 10^9 cells', node('Conv', 'x w', 'y', { pads: [1e9, 1e9, 1e9, 1e9] }), 'has more than 1073741824'],
  ['a pool of 10^5 cells', node('MaxPool', 'x', 'y', { kernel_shape: [1e5, 1e5] }), 'a pool of 100000 x 100000 cells'],
])('%s: a node that asks for more than any network needs is refused', (_, each, message) => {
  const weights = [
    ...[ints('z', [0], []), ints('e', [1e12], []), ints('o', [1], [])],
    ...[ints('n', [-2, -3, 2, 42]), ints('f', [5, -1]), floats('w', [2, 4, 1, 1])],
  ];
  expect(() => traceOf(modelOf(P, P, [each], weights))).toThrow(message);
});

test('few bytes that ask for many nodes, doublings or constants are refused', () => {
  const chain = (count: number, op: string, twice: boolean) =>
    Array.from({ length: count }, (_, i) => node(op, twice ? `a${i} a${i}` : `a${i}`, `a${i + 1}`));
  const doubling = [node('Relu', 'x', 'a0'), ...chain(40, 'Concat', true)].map(each =>
    each.type === 'Concat' ? { ...each, attributes: { axis: 0 } } : each,
  );
  expect(() => traceOf(modelOf(P, P, doubling))).toThrow('has more than 1073741824 elements');
  const limits = createLimits(new Builder(), [knownInts([1, 2])]);
  const half = new Known('f32', [2 ** 25], new Float32Array(2 ** 25));
  limits.check([half], []);
  limits.check([new Known('f32', [2 ** 24, 2], half.data)], [half]);
  limits.check([half, knownInts([1, 2, 3, 4])], []);
  expect(() => limits.check([knownInts([1])], [])).toThrow('make more than 67108868 constant numbers');
  expect(() => readOnnx(modelOf(P, P, chain(50_001, 'Neg', false)))).toThrow('the ONNX model has 50001 nodes');
});

test('unknown operators are refused by name and node, all at once', () => {
  const model = modelOf(P, P, [
    node('NonMaxSuppression', 'x', 'a'),
    node('Add', 'a a', 'b'),
    { ...node('FusedConv', 'b', 'y'), domain: 'com.microsoft' },
  ]);
  expect(() => readOnnx(model)).toThrow(
    'the ONNX model has operators that are not read: NonMaxSuppression "a",com.microsoft.FusedConv "y"',
  );
  for (const name of ['Conv', 'MaxPool', 'Resize', 'HardSigmoid', 'ReduceL2', 'Split']) {
    expect(ONNX_OPERATORS).toContain(name);
  }
});

test.each([
  [
    'an attribute without a rule',
    node('Relu', 'x', 'y', { alpha: 1 }),
    'Relu "y" of the ONNX model cannot be read: attribute "alpha" is not known',
  ],
  [
    'a mode that is not read',
    node('Resize', 'x - s', 'y', { mode: 'cubic' }),
    'attribute "mode" is cubic, expected one of: nearest, linear, bilinear',
  ],
  ['operands that do not fit', node('Add', 'x w', 'y'), 'do not broadcast'],
  ['an operand that is left out', node('Conv', 'x -', 'y'), 'input 1 is missing'],
  [
    'a shape that depends on the picture',
    node('Reshape', 'x x', 'y'),
    'input 1 "x" depends on the picture: its shape is dynamic',
  ],
  ['several exponents', node('Pow', 'x w', 'y'), 'the exponent is not one number'],
  ['a norm of a power above 2', node('LpNormalization', 'x', 'y', { p: 3 }), 'a norm of the power 3, expected 1 or 2'],
  [
    'an operator that only the host computes',
    node('Floor', 'x', 'y'),
    'it is read only of numbers that are known before the run',
  ],
  ['a cast to a type without a graph', node('Cast', 'x', 'y', { to: 10 }), 'it casts to the type of number 10'],
  ['an index outside the axis', node('Gather', 'x i', 'y', { axis: 1 }), 'index 9 is outside axis 1 of [2, 4, 9, 7]'],
  ['an axis outside the rank', node('Softmax', 'x', 'y', { axis: 7 }), 'axis 7 is out of range for rank 4'],
  ['an empty slice', node('Slice', 'x i i', 'y'), 'nothing is left of axis 0'],
])('a node with %s is refused by its name', (_, each, message) => {
  const weights = [floats('w', [5]), floats('s', [4], 0, () => 1), floats('e', [], 0, () => 1.5), ints('i', [9])];
  expect(() => traceOf(modelOf(P, P, [each], weights, 13))).toThrow(message);
});

test('a size without a number is asked for by the name of the input', () => {
  const named = modelWith(identity, shape => shape.message(1, dimension => dimension.string(2, 'batch')));
  expect(() => traceOf(named)).toThrow('the input "x" of the ONNX model has a dynamic shape: [batch]');
  expect(traceOf(named, { x: [3] }).graph.nodes).toHaveLength(1);
  expect(() => traceOf(named, { x: [3, 3] })).toThrow('the input "x" of the ONNX model is [batch], not [3,3]');
  expect(() => traceOf(modelWith(identity), { x: [5] })).toThrow('is [4], not [5]');
  expect(() => traceOf(modelWith(identity, shape => dim(shape, 0)))).toThrow('dynamic shape: [0]');
});

test('types and weights that a graph cannot have are refused by name', () => {
  const tensor = (write: (message: MessageWriter) => void) =>
    modelWith(graph => {
      identity(graph);
      graph.message(5, message => write(message.string(8, 'w')));
    });
  expect(() => readOnnx(tensor(w => w.int(1, 1).int(2, 10).bytes(9, new Uint8Array(2))))).toThrow(
    'the weight "w" has the type FLOAT16',
  );
  expect(() => readOnnx(tensor(w => w.int(1, 3).int(2, 1).bytes(9, new Uint8Array(8))))).toThrow(
    'the weight "w" of the ONNX model is damaged',
  );
  expect(() => readOnnx(tensor(w => w.int(1, -1).int(2, 1).bytes(9, new Uint8Array(4))))).toThrow('is damaged');
  expect(() => readOnnx(tensor(w => w.int(1, 1).int(2, 1).bytes(9, new Uint8Array(3))))).toThrow('is damaged');
  expect(() => readOnnx(tensor(w => w.int(1, 1).int(2, 1).int(14, 1)))).toThrow('the weight "w" is in another file');
});

test('bytes that are no model are refused, and so is a model cut at any byte', () => {
  for (const bytes of [new Uint8Array(), Buffer.from('<html>'), new Uint8Array(64).fill(255)]) {
    expect(() => readOnnx(bytes)).toThrow(/ONNX model|protocol buffers/);
  }
  const whole = modelOf([1, 2, 4, 4], [1, 3, 4, 4], [node('Conv', 'x w', 'y')], [floats('w', [3, 2, 1, 1])]);
  for (let length = 0; length < whole.length; length++) {
    try {
      traceOf(whole.subarray(0, length));
    } catch (error) {
      expect(error).toMatchObject({ code: expect.stringMatching(/^(invalid_input|unprocessable)$/) });
    }
  }
});

test('an opset outside the known ones, and nodes out of order, are refused', () => {
  const model: OnnxModel = { nodes: [], initializers: [], inputs: [], outputs: [] };
  expect(() => readOnnx(encodeModel({ ...model, opset: 5 }))).toThrow('the ONNX model has opset 5');
  const reversed = modelOf(P, P, [node('Relu', 'a', 'y'), node('Neg', 'x', 'a')]);
  expect(() => traceOf(reversed)).toThrow('the ONNX model reads "a", which no earlier node makes');
});

test('a model without an output is refused', () => {
  const { nodes, inputs } = { nodes: [node('Relu', 'x', 'y')], inputs: [['x', { shape: P, dtype: 'f32' }]] as const };
  const model = encodeModel({ nodes, inputs, initializers: [], outputs: [], opset: 17 });
  expect(() => readOnnx(model)).toThrow('the ONNX model has no output');
});

test('weights that two nodes read are one tensor of the state, and short ones are literals', () => {
  const model = modelOf(
    P,
    P,
    [node('Mul', 'x w', 'a'), node('Add', 'a w', 'b'), node('Mul', 'b s', 'y')],
    [floats('w', [9, 7]), floats('s', [7])],
  );
  const { graph, state } = traceOf(model);
  expect(Object.keys(state)).toEqual(['w']);
  expect(graph.nodes.filter(({ op }) => op === 'constant')).toHaveLength(1);
});
