import { describe, expect, it } from 'vitest';
import { interpret } from '../../engines/reference/engine.ts';
import { feedsOf, traceCase } from '../../engines/testing/conformance.ts';
import type { Tuning } from '../engine.ts';
import type { Graph } from '../graph.ts';
import { printGraph } from '../print.ts';
import { OP_CASES } from '../testing/cases.ts';
import { optimize, PASS_NAMES } from './optimize.ts';

const TUNING: Tuning = { kernels: new Set(['rotate']), mergesProducts: true };

function run(graph: Graph, feeds: ReturnType<typeof feedsOf>) {
  const inputs = Object.entries(feeds).map(([name, { shape, data }]) => [
    name,
    { shape, data: Float64Array.from(data) },
  ]);
  return interpret(graph, Object.fromEntries(inputs)).outputs;
}

describe('optimize', () => {
  it.each(OP_CASES)('leaves the meaning of $name', testCase => {
    const graph = traceCase(testCase);
    const feeds = feedsOf(testCase);
    const expected = run(graph, feeds);
    const actual = run(optimize(graph, { tuning: TUNING }), feeds);
    for (const [name, { shape, data }] of Object.entries(expected)) {
      expect(actual[name]?.shape, name).toEqual(shape);
      const scale = data.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-3);
      for (const [i, x] of data.entries()) {
        expect(Math.abs(x - (actual[name]?.data[i] ?? Number.NaN)) / scale, name).toBeLessThan(2e-7);
      }
    }
  });

  it('does nothing when every pass is left out', () => {
    const graph = traceCase(OP_CASES[0]!);
    expect(optimize(graph, { tuning: TUNING, precision: 'bf16' }, new Set(PASS_NAMES))).toBe(graph);
  });

  it('comes to an end: once more changes nothing', () => {
    for (const testCase of OP_CASES) {
      const once = optimize(traceCase(testCase), { tuning: TUNING });
      expect(printGraph(optimize(once, { tuning: TUNING })), testCase.name).toBe(printGraph(once));
    }
  });
});
