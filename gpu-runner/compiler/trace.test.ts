import { describe, expect, it } from 'vitest';
import { interpret } from '../engines/reference/engine.ts';
import { gelu } from './composites.ts';
import * as f from './functions.ts';
import { hashGraph, printGraph } from './print.ts';
import { lowerToOnnx } from './targets/onnx/lower.ts';
import { type Builder, type Traced, trace } from './trace.ts';
import { verify } from './verify.ts';

const input = (builder: Builder, name: string, ...shape: number[]) => builder.input(name, { shape, dtype: 'f32' });

function exampleGraph(names = { x: 'x', w: 'w', y: 'y' }) {
  return trace(builder => {
    const x = input(builder, names.x, 2, 3);
    const w = builder.state(names.w, { shape: [3, 3], dtype: 'f32' });
    const y = f.add(f.matmul(x, w, { transposeB: true }), 1);
    return { outputs: { [names.y]: y }, writes: { [names.w]: f.mul(w, 0.5) } };
  });
}

describe('trace', () => {
  it('printGraph prints a readable program', () => {
    expect(printGraph(exampleGraph())).toMatchInlineSnapshot(`
      "%0 = input() "x" : f32[2, 3]
      %1 = state() "w" : f32[3, 3]
      %2 = matmul(%0, %1) {transposeA: false, transposeB: true} : f32[2, 3]
      %3 = constant() [1] : f32[]
      %4 = add(%2, %3) : f32[2, 3]
      %5 = constant() [0.5] : f32[]
      %6 = mul(%1, %5) : f32[3, 3]
      write w = %6
      return y = %4"
    `);
  });

  it('hashGraph ignores the names of values', () => {
    expect(hashGraph(exampleGraph({ x: 'a', w: 'b', y: 'c' }))).toBe(hashGraph(exampleGraph()));
    const other = trace(builder => ({ outputs: { y: f.add(input(builder, 'x', 2, 3), 1) } }));
    expect(hashGraph(other)).not.toBe(hashGraph(exampleGraph()));
  });

  it('merges equal computations and drops unneeded ones', () => {
    const graph = trace(builder => {
      const x = input(builder, 'x', 2);
      f.exp(x);
      return { outputs: { y: f.mul(f.tanh(x), f.tanh(x)) } };
    });
    expect(graph.nodes.map(({ op }) => op)).toEqual(['input', 'tanh', 'mul']);
  });

  it('keeps NaN and the infinities apart as constants', () => {
    const graph = trace(builder => {
      const parts = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN].map(value =>
        builder.constant([value], [1]),
      );
      return { outputs: { y: f.concat(parts, 0) } };
    });
    expect([...(interpret(graph, {}).outputs.y?.data ?? [])]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
  });

  it('folds operations without effect', () => {
    const graph = trace(builder => {
      const x = input(builder, 'x', 2, 3);
      const same = f.reshape(f.transpose(f.transpose(f.mul(f.add(x, 0), 1), [1, 0]), [1, 0]), [2, 3]);
      return { outputs: { y: f.exp(same) } };
    });
    expect(graph.nodes.map(({ op }) => op)).toEqual(['input', 'exp']);
  });

  it.each<[string, (builder: Builder) => Traced, string]>([
    [
      'operands that do not broadcast',
      builder => ({
        outputs: {
          y: builder.scope('block 3', () =>
            builder.scope('mlp', () => f.add(input(builder, 'a', 2, 3), input(builder, 'b', 4))),
          ),
        },
      }),
      'add(f32[2, 3], f32[4]) in block 3 / mlp: shapes [2, 3] and [4] do not broadcast',
    ],
    [
      'a product of sizes that differ',
      builder => ({ outputs: { y: f.matmul(input(builder, 'a', 2, 3), input(builder, 'b', 4, 2)) } }),
      'cannot multiply f32[2, 3] by f32[4, 2]',
    ],
    [
      'a reshape that loses elements',
      builder => ({ outputs: { y: f.reshape(input(builder, 'a', 2, 3), [5]) } }),
      'the number of elements differs',
    ],
    [
      'an axis that does not exist',
      builder => ({ outputs: { y: f.reduceSum(input(builder, 'a', 2), [3]) } }),
      'axis 3 is out of range for rank 1',
    ],
    [
      'a condition that is not a bool',
      builder => ({ outputs: { y: f.select(input(builder, 'a', 2), 1, input(builder, 'b', 2)) } }),
      'expected a bool condition',
    ],
  ])('refuses %s and names shapes and origin', (_, build, message) => {
    expect(() => trace(build)).toThrow(message);
  });
});

it('gelu agrees with its definition', () => {
  const graph = trace(builder => ({ outputs: { y: gelu(input(builder, 'x', 7)) } }));
  const x = Float64Array.of(-6, -2, -0.5, 0, 0.3, 1, 5);
  const y = interpret(graph, { x: { shape: [7], data: x } }).outputs.y?.data ?? [];
  for (const [i, value] of x.entries()) {
    const tanh = Math.tanh(Math.sqrt(2 / Math.PI) * (value + 0.044715 * value ** 3));
    expect(y[i]).toBeCloseTo(0.5 * value * (1 + tanh), 12);
  }
});

describe('verify', () => {
  it('verify accepts a traced graph', () => {
    expect(() => verify(exampleGraph())).not.toThrow();
  });

  it('verify refuses a wrong type, an operand that comes later, and state that changes its shape', () => {
    const graph = exampleGraph();
    const change = (id: number, fields: object) => ({
      ...graph,
      nodes: graph.nodes.map((node, i) => (i === id ? { ...node, ...fields } : node)),
    });
    expect(() => verify(change(4, { shape: [3, 2] }))).toThrow(
      'node 4 (add): is typed f32[3, 2], its rule gives f32[2, 3]',
    );
    expect(() => verify(change(2, { inputs: [0, 5] }))).toThrow('node 2 (matmul): operand 5 is not defined before it');
    expect(() => verify({ ...graph, writes: { w: 4 } })).toThrow(
      'state "w" is read as f32[3, 3] and written as f32[2, 3]',
    );
  });
});

describe('lowerToOnnx', () => {
  it('lowerToOnnx gives equal bytes for equal graphs', () => {
    const bytes = () => Buffer.from(lowerToOnnx(exampleGraph(), { fusedMatMul: true, lastFirst: true }).bytes);
    expect(bytes().equals(bytes())).toBe(true);
  });
});
