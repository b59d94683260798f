import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../../numerics/random-stream.ts';
import { interpret } from '../../engines/reference/engine.ts';
import { feedsOf, traceCase } from '../../engines/testing/conformance.ts';
import type { Tuning } from '../engine.ts';
import * as f from '../functions.ts';
import { grad } from '../grad.ts';
import type { Graph } from '../graph.ts';
import { printGraph } from '../print.ts';
import { sizeOf, type Tensor, tensorOf } from '../tensor.ts';
import { OP_CASES, weightedSum } from '../testing/cases.ts';
import { drawProgram, drawShape } from '../testing/programs.ts';
import { randomValues } from '../testing/random.ts';
import { trace } from '../trace.ts';
import { optimize, PASS_NAMES } from './optimize.ts';

const TUNING: Tuning = { mergesProducts: true };

function run(graph: Graph, feeds: Readonly<Record<string, Tensor>>) {
  const inputs = Object.entries(feeds).map(([name, { shape, data }]) => [
    name,
    { shape, data: Float64Array.from(data) },
  ]);
  return interpret(graph, Object.fromEntries(inputs)).outputs;
}

/** Expects equal results within 2e-7 of the largest value: literals are folded in f32. */
function expectSame(graph: Graph, feeds: Readonly<Record<string, Tensor>>): void {
  const expected = run(graph, feeds);
  const actual = run(optimize(graph, { tuning: TUNING }), feeds);
  for (const [name, { shape, data }] of Object.entries(expected)) {
    expect(actual[name]?.shape, name).toEqual(shape);
    const scale = data.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
    for (const [i, x] of data.entries()) {
      expect(Math.abs(x - (actual[name]?.data[i] ?? Number.NaN)) / scale, name).toBeLessThan(2e-7);
    }
  }
}

describe('optimize', () => {
  it.each(OP_CASES)('keeps the meaning of $name', testCase => {
    expectSame(traceCase(testCase), feedsOf(testCase));
  });

  it('keeps the meaning of random programs and their gradients', () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = new RandomStream(seed, 'sample');
      const draw = (low: number, high: number) => low + random.below(high - low + 1);
      const shapes = [0, 1, 2].map(() => drawShape(draw));
      const graph = trace(builder => {
        const inputs = shapes.map((shape, i) => builder.input(`x${i}`, { shape, dtype: 'f32' }));
        const loss = drawProgram(inputs, 12, draw)
          .map(weightedSum)
          .reduce((a, b) => f.add(a, b));
        const gradients = grad(loss, inputs).map((gradient, i) => [`g${i}`, gradient] as const);
        return { outputs: { loss, ...Object.fromEntries(gradients) } };
      });
      const feeds = shapes.map(
        (shape, i) => [`x${i}`, tensorOf(shape, randomValues(sizeOf(shape), seed + i))] as const,
      );
      expectSame(graph, Object.fromEntries(feeds));
    }
  });

  it('does nothing if all passes are left out', () => {
    const graph = traceCase(OP_CASES[0]!);
    expect(optimize(graph, { tuning: TUNING, precision: 'bf16' }, new Set(PASS_NAMES))).toBe(graph);
  });

  it('changes nothing when run a second time', () => {
    for (const testCase of OP_CASES) {
      const once = optimize(traceCase(testCase), { tuning: TUNING });
      expect(printGraph(optimize(once, { tuning: TUNING })), testCase.name).toBe(printGraph(once));
    }
  });
});
