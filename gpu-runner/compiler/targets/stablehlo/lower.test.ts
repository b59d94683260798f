import { describe, expect, it } from 'vitest';
import * as f from '../../functions.ts';
import { mixPrecision } from '../../passes/mixed-precision.ts';
import { rotate } from '../../rotary.ts';
import type { DType, Shape } from '../../tensor.ts';
import { OP_CASES } from '../../testing/cases.ts';
import { type Builder, trace, type Value } from '../../trace.ts';
import { lowerToStableHlo } from './lower.ts';

const input = (builder: Builder, shape: Shape, dtype: DType = 'f32', name = 'x') =>
  builder.input(name, { shape, dtype });
const row = (builder: Builder) => input(builder, [3], 'f32', 'row');
const indices = (builder: Builder) => input(builder, [4], 'i32', 'indices');

/** Results whose text is in testdata/operations.mlir. */
const REPRESENTATIVE = {
  'operands are spread before an elementwise operation, each once': builder =>
    f.div(f.add(input(builder, [2, 3]), row(builder)), row(builder)),
  'a scalar selects without being spread': builder =>
    f.select(input(builder, [], 'bool', 'on'), input(builder, [2, 3]), 0),
  'floats are compared as FLOAT': builder => f.less(input(builder, [2, 3]), row(builder)),
  'whole numbers are compared as SIGNED': builder => f.equal(input(builder, [2], 'i32'), input(builder, [2], 'i32')),
  'a cast to bool compares with 0': builder => f.cast(input(builder, [2]), 'bool'),
  'matmul of matrices': builder => f.matmul(input(builder, [2, 3]), input(builder, [2, 3]), { transposeB: true }),
  'matmul of transposed batches': builder =>
    f.matmul(input(builder, [2, 4, 3]), input(builder, [2, 5, 4], 'f32', 'y'), { transposeA: true, transposeB: true }),
  'matmul of a short format': builder => f.matmul(input(builder, [2, 2], 'bf16'), input(builder, [2, 2], 'bf16')),
  'conv2d with padding by side': builder =>
    builder.emit('conv2d', [input(builder, [1, 2, 6, 6]), builder.constant([1], [2, 1, 3, 3])], {
      stride: [2, 1],
      dilation: [1, 2],
      padding: [1, 2, 3, 4],
      groups: 2,
    }),
  'a sum of a short format is taken in f32': builder => f.reduceSum(input(builder, [2, 3], 'bf16'), [1]),
  'reduced axes stay': builder => f.reduceMax(input(builder, [2, 3]), [0]),
  'the softmax of a short format is taken in f32': builder => f.softmax(input(builder, [2, 3], 'f16'), 0),
  'one f32': builder => builder.constant([1.5], [2]),
  'several f32': builder => builder.constant([1, -Infinity], [2]),
  'one f16': builder => builder.constant([1.5], [2], 'f16'),
  'several bf16': builder => builder.constant([1.5, -2], [2], 'bf16'),
  'one i32': builder => builder.constant([-5], [2], 'i32'),
  'one bool': builder => builder.constant([1], [2], 'bool'),
  'several bools': builder => builder.constant([1, 0, 0, 7], [2, 2], 'bool'),
  'no elements': builder => builder.constant([2], [3, 0]),
  slice: builder => f.slice(input(builder, [2, 3]), 1, 1, 3),
  pad: builder => f.pad(input(builder, [2, 3]), [0, 1], [2, 0]),
  concat: builder => f.concat([input(builder, [2, 3]), input(builder, [1, 3], 'f32', 'y')], 0),
  transpose: builder => f.transpose(input(builder, [2, 3, 4]), [2, 0, 1]),
  gather: builder => f.gather(input(builder, [2, 5, 3]), indices(builder), 1),
  scatterAdd: builder => f.scatterAdd(input(builder, [2, 5, 3]), indices(builder), builder.constant([1], [2, 4, 3]), 1),
  'a value that is computed again waits for others': builder => {
    const x = input(builder, [2]);
    return f.after(x, [f.exp(x), f.neg(x)]);
  },
  'a rotation by slices, without a product': builder =>
    rotate(input(builder, [2, 4]), { cos: builder.constant([0.5], [4]), sin: builder.constant([0.25], [4]) }),
  reciprocal: builder => f.reciprocal(input(builder, [2])),
  erf: builder => f.erf(input(builder, [2])),
} as const satisfies Record<string, (builder: Builder) => Value>;

describe('lowerToStableHlo', () => {
  it('donates state that is read and written, and lists arguments and results in the order of the text', () => {
    const graph = trace(builder => {
      const [kept, x] = [
        builder.state('kept', { shape: [2], dtype: 'f32' }),
        builder.input('x', { shape: [2], dtype: 'f32' }),
      ];
      const count = builder.state('count', { shape: [], dtype: 'i32' });
      const next = f.add(count, builder.constant([1], [], 'i32'));
      return { outputs: { y: f.mul(x, kept) }, writes: { made: x, count: next } };
    });
    const program = lowerToStableHlo(graph);
    expect(program.text).toMatchInlineSnapshot(`
      "module @easel attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
        func.func public @main(%arg0: tensor<2xf32>, %arg1: tensor<2xf32>, %arg2: tensor<i32> {tf.aliasing_output = 2 : i32}) -> (tensor<2xf32>, tensor<2xf32>, tensor<i32>) {
          %0 = stablehlo.constant dense<1> : tensor<i32>
          %1 = stablehlo.add %arg2, %0 : tensor<i32>
          %2 = stablehlo.multiply %arg1, %arg0 : tensor<2xf32>
          return %2, %arg1, %1 : tensor<2xf32>, tensor<2xf32>, tensor<i32>
        }
      }
      "
    `);
    const vector = { shape: [2], dtype: 'f32' };
    expect(program.arguments).toEqual([
      { kind: 'state', name: 'kept', spec: vector },
      { kind: 'input', name: 'x', spec: vector },
      { kind: 'state', name: 'count', spec: { shape: [], dtype: 'i32' } },
    ]);
    expect(program.results.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      'output y',
      'write made',
      'write count',
    ]);
    expect([...program.aliases]).toEqual([[2, 2]]);
    expect([...program.inputs.keys()]).toEqual(['x']);
    expect([...program.reads.keys()]).toEqual(['kept', 'count']);
    expect([...program.writes.keys()]).toEqual(['made', 'count']);
    expect(program.outputs.get('y')).toEqual(vector);
    const undonated = lowerToStableHlo(graph, { donatesState: false });
    expect(undonated.aliases.size).toBe(0);
    expect(undonated.text).not.toContain('aliasing');
  });

  it.each(OP_CASES.map(({ name, inputs, build }) => ({ name, inputs, build })))(
    '$name has text, equal for equal graphs',
    testCase => {
      const text = () =>
        lowerToStableHlo(
          trace(builder => ({
            outputs: {
              y: testCase.build(
                testCase.inputs.map(({ shape, dtype = 'f32' }, i) => builder.input(`x${i}`, { shape, dtype })),
              ),
            },
          })),
        ).text;
      expect(text()).toBe(text());
      expect(text()).not.toMatch(/undefined|NaN|null|\[object/);
    },
  );

  it('writes each representative operation as in testdata/operations.mlir', async () => {
    const chunks = Object.entries(REPRESENTATIVE).map(([title, build]) => {
      const text = lowerToStableHlo(trace(builder => ({ outputs: { y: build(builder) } }))).text;
      const lines = text.trimEnd().split('\n').slice(1, -1);
      return `// ${title}\n${lines.map(line => line.slice(2)).join('\n')}\n`;
    });
    await expect(chunks.join('\n')).toMatchFileSnapshot('testdata/operations.mlir');
  });

  it('multiplies f32 matrices in TF32 only when asked to', () => {
    const graph = trace(builder => ({ outputs: { y: REPRESENTATIVE['matmul of transposed batches'](builder) } }));
    expect(lowerToStableHlo(graph).text).toContain('precision = [HIGHEST, HIGHEST]');
    expect(lowerToStableHlo(graph, { float32Products: 'tf32' }).text).toContain('precision = [DEFAULT, DEFAULT]');
    expect(lowerToStableHlo(mixPrecision(graph, 'bf16')).text).toContain('precision = [DEFAULT, DEFAULT]');
  });

  it('expands composites without a rule', () => {
    const program = lowerToStableHlo(
      trace(builder => {
        const x = builder.input('x', { shape: [2], dtype: 'f32' });
        return { outputs: { y: builder.emit('silu', [x], {}) } };
      }),
    );
    expect(program.graph.nodes.map(({ op }) => op)).toEqual(['input', 'sigmoid', 'mul']);
  });
});
