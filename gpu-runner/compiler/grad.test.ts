import { describe, expect, it } from 'vitest';
import { interpret } from '../engines/reference/engine.ts';
import type { Array64 } from '../engines/reference/kernels.ts';
import * as f from './functions.ts';
import { grad } from './grad.ts';
import type { Graph } from './graph.ts';
import { OPS } from './ops.ts';
import { sizeOf } from './tensor.ts';
import { type CaseInput, OP_CASES, type OpCase, weightedSum } from './testing/cases.ts';
import { randomValues } from './testing/random.ts';
import { trace } from './trace.ts';
import { verify } from './verify.ts';

/** A scalar loss of the result of a case, and its gradients g0, g1 ... */
function traceLoss(testCase: OpCase): Graph {
  return trace(builder => {
    const inputs = testCase.inputs.map(({ shape, dtype = 'f32' }, i) => builder.input(`x${i}`, { shape, dtype }));
    const y = testCase.build(inputs);
    const loss = weightedSum(y);
    const floats = inputs.filter(input => input.dtype === 'f32');
    const gradients = grad(loss, floats).map((gradient, i) => [`g${inputs.indexOf(floats[i] ?? gradient)}`, gradient]);
    return { outputs: { loss, ...Object.fromEntries(gradients) } };
  });
}

function feed(inputs: readonly CaseInput[]): Record<string, Array64> {
  return Object.fromEntries(
    inputs.map(({ shape, range, dtype }, i) => {
      const data = Float64Array.from(randomValues(sizeOf(shape), i + 1, range));
      return [`x${i}`, { shape, data: dtype === 'i32' ? data.map(Math.trunc) : data }];
    }),
  );
}

function evaluate(graph: Graph, feeds: Record<string, Array64>, name: string): Float64Array {
  return interpret(graph, feeds).outputs[name]?.data ?? new Float64Array();
}

describe('grad', () => {
  it('every operation has a test case', () => {
    const covered = new Set(OP_CASES.map(({ op }) => op));
    const missing = Object.keys(OPS).filter(op => !['input', 'state'].includes(op) && !covered.has(op as never));
    expect(missing).toEqual([]);
  });

  it.each(OP_CASES.filter(({ name }) => name !== 'stopGradient'))('$name agrees with central differences', testCase => {
    const graph = verify(traceLoss(testCase));
    const feeds = feed(testCase.inputs);
    for (const [i, input] of testCase.inputs.entries()) {
      if (input.dtype !== undefined) continue;
      const name = `x${i}`;
      const gradient = evaluate(graph, feeds, `g${i}`);
      const x = feeds[name]?.data ?? new Float64Array();
      expect(gradient.length).toBe(x.length);
      for (let k = 0; k < x.length; k++) {
        const step = 1e-5;
        const shifted = (delta: number) => {
          const data = Float64Array.from(x, (value, j) => (j === k ? value + delta : value));
          return evaluate(graph, { ...feeds, [name]: { shape: input.shape, data } }, 'loss')[0] ?? Number.NaN;
        };
        const numeric = (shifted(step) - shifted(-step)) / (2 * step);
        expect(Math.abs((gradient[k] ?? Number.NaN) - numeric)).toBeLessThan(1e-6 * (1 + Math.abs(numeric)));
      }
    }
  });

  it('passes no gradient through stopGradient', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const [gradient] = grad(f.sumAll(f.mul(f.stopGradient(x), x)), [x]);
      return { outputs: { gradient: gradient ?? x } };
    });
    const feeds = { x: { shape: [2], data: Float64Array.of(3, 5) } };
    expect([...evaluate(graph, feeds, 'gradient')]).toEqual([3, 5]);
  });

  it('returns zeros for a value that the scalar does not depend on', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const unused = builder.input('unused', { shape: [3], dtype: 'f32' });
      const [gradient] = grad(f.sumAll(x), [unused]);
      return { outputs: { gradient: gradient ?? x } };
    });
    expect([...evaluate(graph, {}, 'gradient')]).toEqual([0, 0, 0]);
  });

  it('splits the cotangent equally when max operands tie', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [1], dtype: 'f32' });
      const y = builder.input('y', { shape: [1], dtype: 'f32' });
      const [gradient] = grad(f.sumAll(f.max(x, y)), [x]);
      return { outputs: { gradient: gradient ?? x } };
    });
    const one = { shape: [1], data: Float64Array.of(1) };
    expect([...evaluate(graph, { x: one, y: one }, 'gradient')]).toEqual([0.5]);
  });

  it('refuses to differentiate a tensor that is not a scalar', () => {
    expect(() =>
      trace(builder => {
        const x = builder.input('x', { shape: [2], dtype: 'f32' });
        grad(x, [x]);
        return { outputs: { x } };
      }),
    ).toThrow('only a scalar can be differentiated, got [2]');
  });
});
