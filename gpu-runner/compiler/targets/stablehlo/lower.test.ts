import { describe, expect, it } from 'vitest';
import * as f from '../../functions.ts';
import type { Graph } from '../../graph.ts';
import { mixPrecision } from '../../passes/mixed-precision.ts';
import { rotate } from '../../rotary.ts';
import type { TensorSpec } from '../../tensor.ts';
import { OP_CASES } from '../../testing/cases.ts';
import { type Builder, trace, type Value } from '../../trace.ts';
import type { StableHloOptions } from './emitter.ts';
import { lowerToStableHlo } from './lower.ts';

/** Lines of the function without its head, its `return` and the indentation. */
function linesOf(graph: Graph, options?: StableHloOptions): string[] {
  const lines = lowerToStableHlo(graph, options).text.trimEnd().split('\n');
  return lines.slice(2, -3).map(line => line.trim());
}

function linesOfValue(build: (x: Value, builder: Builder) => Value, spec: Partial<TensorSpec> = {}): string[] {
  return linesOf(
    trace(builder => ({
      outputs: { y: build(builder.input('x', { shape: [2, 3], dtype: 'f32', ...spec }), builder) },
    })),
  );
}

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

  it('spreads operands before an elementwise operation, each once', () => {
    expect(
      linesOfValue((x, builder) => {
        const row = builder.input('row', { shape: [3], dtype: 'f32' });
        return f.div(f.add(x, row), row);
      }),
    ).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.broadcast_in_dim %arg1, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>",
        "%1 = stablehlo.add %arg0, %0 : tensor<2x3xf32>",
        "%2 = stablehlo.divide %1, %0 : tensor<2x3xf32>",
      ]
    `);
  });

  it('selects by a scalar without spreading it', () => {
    expect(
      linesOfValue((x, builder) => f.select(builder.input('on', { shape: [], dtype: 'bool' }), x, 0)),
    ).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.constant dense<0x00000000> : tensor<f32>",
        "%1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<2x3xf32>",
        "%2 = stablehlo.select %arg1, %arg0, %1 : tensor<i1>, tensor<2x3xf32>",
      ]
    `);
  });

  it('compares floats as FLOAT and whole numbers as SIGNED', () => {
    expect(linesOfValue(x => f.less(x, 1))).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.constant dense<0x3F800000> : tensor<f32>",
        "%1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<2x3xf32>",
        "%2 = stablehlo.compare LT, %arg0, %1, FLOAT : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>",
      ]
    `);
    expect(linesOfValue(x => f.equal(x, x), { dtype: 'i32' })).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.compare EQ, %arg0, %arg0, SIGNED : (tensor<2x3xi32>, tensor<2x3xi32>) -> tensor<2x3xi1>",
      ]
    `);
    expect(linesOfValue(x => f.cast(x, 'bool'))).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.constant dense<0x00000000> : tensor<f32>",
        "%1 = stablehlo.broadcast_in_dim %0, dims = [] : (tensor<f32>) -> tensor<2x3xf32>",
        "%2 = stablehlo.compare NE, %arg0, %1, FLOAT : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x3xi1>",
      ]
    `);
  });

  it('multiplies f32 matrices at the highest precision unless TF32 is asked for, and short formats by default', () => {
    const graph = trace(builder => {
      const [a, b] = [
        builder.input('a', { shape: [2, 4, 3], dtype: 'f32' }),
        builder.input('b', { shape: [2, 5, 4], dtype: 'f32' }),
      ];
      return { outputs: { y: f.matmul(a, b, { transposeA: true, transposeB: true }) } };
    });
    expect(linesOf(graph)).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.dot_general %arg0, %arg1, batching_dims = [0] x [0], contracting_dims = [1] x [2], precision = [HIGHEST, HIGHEST] : (tensor<2x4x3xf32>, tensor<2x5x4xf32>) -> tensor<2x3x5xf32>",
      ]
    `);
    expect(linesOf(graph, { float32Products: 'tf32' }).join()).toContain('precision = [DEFAULT, DEFAULT]');
    expect(linesOf(mixPrecision(graph, 'bf16'))).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.convert %arg0 : (tensor<2x4x3xf32>) -> tensor<2x4x3xbf16>",
        "%1 = stablehlo.convert %arg1 : (tensor<2x5x4xf32>) -> tensor<2x5x4xbf16>",
        "%2 = stablehlo.dot_general %0, %1, batching_dims = [0] x [0], contracting_dims = [1] x [2], precision = [DEFAULT, DEFAULT] : (tensor<2x4x3xbf16>, tensor<2x5x4xbf16>) -> tensor<2x3x5xbf16>",
        "%3 = stablehlo.convert %2 : (tensor<2x3x5xbf16>) -> tensor<2x3x5xf32>",
      ]
    `);
    const flat = linesOfValue(x => f.matmul(x, x, { transposeB: true }));
    expect(flat).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.dot_general %arg0, %arg0, contracting_dims = [1] x [1], precision = [HIGHEST, HIGHEST] : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>",
      ]
    `);
  });

  it('convolves with padding by side', () => {
    expect(
      linesOfValue(
        (x, builder) =>
          builder.emit('conv2d', [x, builder.constant([1], [2, 1, 3, 3])], {
            stride: [2, 1],
            dilation: [1, 2],
            padding: [1, 2, 3, 4],
            groups: 2,
          }),
        { shape: [1, 2, 6, 6] },
      ),
    ).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.constant dense<0x3F800000> : tensor<2x1x3x3xf32>",
        "%1 = stablehlo.convolution(%arg0, %0) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1], window = {stride = [2, 1], pad = [[1, 3], [2, 4]], rhs_dilate = [1, 2]} {batch_group_count = 1 : i64, feature_group_count = 2 : i64, precision_config = [#stablehlo<precision HIGHEST>, #stablehlo<precision HIGHEST>]} : (tensor<1x2x6x6xf32>, tensor<2x1x3x3xf32>) -> tensor<1x2x4x8xf32>",
      ]
    `);
  });

  it('sums short formats in f32 and keeps reduced axes', () => {
    expect(linesOfValue(x => f.reduceSum(x, [1]), { dtype: 'bf16' })).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.convert %arg0 : (tensor<2x3xbf16>) -> tensor<2x3xf32>",
        "%1 = stablehlo.constant dense<0x00000000> : tensor<f32>",
        "%2 = stablehlo.reduce(%0 init: %1) applies stablehlo.add across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>",
        "%3 = stablehlo.convert %2 : (tensor<2xf32>) -> tensor<2xbf16>",
        "%4 = stablehlo.reshape %3 : (tensor<2xbf16>) -> tensor<2x1xbf16>",
      ]
    `);
    expect(linesOfValue(x => f.reduceMax(x, [0]))).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.constant dense<0xFF800000> : tensor<f32>",
        "%1 = stablehlo.reduce(%arg0 init: %0) applies stablehlo.maximum across dimensions = [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<3xf32>",
        "%2 = stablehlo.reshape %1 : (tensor<3xf32>) -> tensor<1x3xf32>",
      ]
    `);
  });

  it('writes literals as bits, and bools as words', () => {
    const literal = (values: number[], dtype: TensorSpec['dtype']) =>
      linesOfValue((_, builder) => builder.constant(values, [values.length], dtype)).join();
    expect(literal([1.5], 'f32')).toMatchInlineSnapshot(`"%0 = stablehlo.constant dense<0x3FC00000> : tensor<1xf32>"`);
    expect(literal([1, -Infinity], 'f32')).toMatchInlineSnapshot(
      `"%0 = stablehlo.constant dense<"0x0000803F000080FF"> : tensor<2xf32>"`,
    );
    expect(literal([1.5], 'f16')).toMatchInlineSnapshot(`"%0 = stablehlo.constant dense<0x3E00> : tensor<1xf16>"`);
    expect(literal([1.5, -2], 'bf16')).toMatchInlineSnapshot(
      `"%0 = stablehlo.constant dense<"0xC03F00C0"> : tensor<2xbf16>"`,
    );
    expect(literal([-5], 'i32')).toMatchInlineSnapshot(`"%0 = stablehlo.constant dense<-5> : tensor<1xi32>"`);
    expect(literal([1, 0, 7], 'bool')).toMatchInlineSnapshot(
      `"%0 = stablehlo.constant dense<[true, false, true]> : tensor<3xi1>"`,
    );
    expect(linesOfValue((_, builder) => builder.constant([1, 0, 0, 1], [2, 2], 'bool'))).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.constant dense<[[true, false], [false, true]]> : tensor<2x2xi1>",
      ]
    `);
    expect(linesOfValue((_, builder) => builder.constant([2], [3, 0]))).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.constant dense<> : tensor<3x0xf32>",
      ]
    `);
  });

  it('gathers and adds slices along any axis', () => {
    const indices = (builder: Builder) => builder.input('i', { shape: [4], dtype: 'i32' });
    expect(linesOfValue((x, builder) => f.gather(x, indices(builder), 1), { shape: [2, 5, 3] })).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.reshape %arg1 : (tensor<4xi32>) -> tensor<4x1xi32>",
        "%1 = "stablehlo.gather"(%arg0, %0) <{dimension_numbers = #stablehlo.gather<offset_dims = [0, 2], collapsed_slice_dims = [1], start_index_map = [1], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = array<i64: 2, 1, 3>}> : (tensor<2x5x3xf32>, tensor<4x1xi32>) -> tensor<2x4x3xf32>",
      ]
    `);
    expect(
      linesOfValue((x, builder) => f.scatterAdd(x, indices(builder), builder.constant([1], [2, 4, 3]), 1), {
        shape: [2, 5, 3],
      }),
    ).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.constant dense<0x3F800000> : tensor<2x4x3xf32>",
        "%1 = stablehlo.reshape %arg1 : (tensor<4xi32>) -> tensor<4x1xi32>",
        "%2 = "stablehlo.scatter"(%arg0, %1, %0) <{indices_are_sorted = false, scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = [0, 2], inserted_window_dims = [1], scatter_dims_to_operand_dims = [1], index_vector_dim = 1>, unique_indices = false}> ({ ^bb0(%a: tensor<f32>, %b: tensor<f32>): %sum = stablehlo.add %a, %b : tensor<f32> stablehlo.return %sum : tensor<f32> }) : (tensor<2x5x3xf32>, tensor<4x1xi32>, tensor<2x4x3xf32>) -> tensor<2x5x3xf32>",
      ]
    `);
  });

  it('recomputes behind an optimization barrier that waits for the values of `never`', () => {
    expect(linesOfValue(x => f.after(x, [f.exp(x)]))).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.exponential %arg0 : tensor<2x3xf32>",
        "%1 = stablehlo.constant dense<false> : tensor<i1>",
        "%2:2 = stablehlo.optimization_barrier %0, %1 : tensor<2x3xf32>, tensor<i1>",
        "%3:2 = stablehlo.optimization_barrier %arg0, %2#1 : tensor<2x3xf32>, tensor<i1>",
      ]
    `);
  });

  it('rotates by slices, without a product', () => {
    expect(
      linesOfValue(
        (x, builder) => rotate(x, { cos: builder.constant([0.5], [4]), sin: builder.constant([0.25], [4]) }),
        { shape: [2, 4] },
      ),
    ).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.constant dense<0x3F000000> : tensor<4xf32>",
        "%1 = stablehlo.constant dense<0x3E800000> : tensor<4xf32>",
        "%2 = stablehlo.reshape %arg0 : (tensor<2x4xf32>) -> tensor<2x2x2xf32>",
        "%3 = stablehlo.slice %2 [0:2, 0:2, 0:1] : (tensor<2x2x2xf32>) -> tensor<2x2x1xf32>",
        "%4 = stablehlo.slice %2 [0:2, 0:2, 1:2] : (tensor<2x2x2xf32>) -> tensor<2x2x1xf32>",
        "%5 = stablehlo.negate %4 : tensor<2x2x1xf32>",
        "%6 = stablehlo.concatenate %5, %3, dim = 2 : (tensor<2x2x1xf32>, tensor<2x2x1xf32>) -> tensor<2x2x2xf32>",
        "%7 = stablehlo.broadcast_in_dim %0, dims = [1] : (tensor<4xf32>) -> tensor<2x4xf32>",
        "%8 = stablehlo.multiply %arg0, %7 : tensor<2x4xf32>",
        "%9 = stablehlo.reshape %6 : (tensor<2x2x2xf32>) -> tensor<2x4xf32>",
        "%10 = stablehlo.broadcast_in_dim %1, dims = [1] : (tensor<4xf32>) -> tensor<2x4xf32>",
        "%11 = stablehlo.multiply %9, %10 : tensor<2x4xf32>",
        "%12 = stablehlo.add %8, %11 : tensor<2x4xf32>",
      ]
    `);
  });

  it('takes the softmax of short formats in f32', () => {
    expect(linesOfValue(x => f.softmax(x, 0), { dtype: 'f16' })).toMatchInlineSnapshot(`
      [
        "%0 = stablehlo.convert %arg0 : (tensor<2x3xf16>) -> tensor<2x3xf32>",
        "%1 = stablehlo.constant dense<0xFF800000> : tensor<f32>",
        "%2 = stablehlo.reduce(%0 init: %1) applies stablehlo.maximum across dimensions = [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<3xf32>",
        "%3 = stablehlo.broadcast_in_dim %2, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>",
        "%4 = stablehlo.subtract %0, %3 : tensor<2x3xf32>",
        "%5 = stablehlo.exponential %4 : tensor<2x3xf32>",
        "%6 = stablehlo.constant dense<0x00000000> : tensor<f32>",
        "%7 = stablehlo.reduce(%5 init: %6) applies stablehlo.add across dimensions = [0] : (tensor<2x3xf32>, tensor<f32>) -> tensor<3xf32>",
        "%8 = stablehlo.broadcast_in_dim %7, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>",
        "%9 = stablehlo.divide %5, %8 : tensor<2x3xf32>",
        "%10 = stablehlo.convert %9 : (tensor<2x3xf32>) -> tensor<2x3xf16>",
      ]
    `);
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
