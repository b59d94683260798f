import { describe, expect, it } from 'vitest';
import { interpret } from '../engines/reference/engine.ts';
import { ROUTE_INPUT } from '../model/batch.ts';
import { STEP_INPUTS, tracePredictGraph } from '../sampling/predict-graph.ts';
import { fillArrays } from '../training/testing/slopes.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import { countFlops } from './flops.ts';
import { add, mul } from './functions.ts';
import { graphInputs, graphReads } from './graph.ts';
import { splitGraph } from './split-graph.ts';
import { trace } from './trace.ts';
import { verify } from './verify.ts';

const SHAPE = { batch: 2, height: 8, width: 12, textTokens: 4 };

describe.each(['joint', 'cross'])('the network, arch %s', arch => {
  const { model } = tinyConfig({ model: { arch, depth: 3 } });

  it.each([false, true])('gives the same bits in two programs, with a route %s', isRouted => {
    const shape = { ...SHAPE, ...(isRouted && { route: { first: 1, last: 1, kept: 3 } }) };
    const graph = tracePredictGraph(model, shape);
    const split = splitGraph(graph, STEP_INPUTS, 'context.') ?? expect.fail();
    const [first, rest] = [verify(split.first), verify(split.rest)];
    expect([...graphInputs(rest).keys()].toSorted()).toEqual(isRouted ? [ROUTE_INPUT, 't', 'z'] : ['t', 'z']);
    expect([...graphInputs(first).keys()].filter(name => STEP_INPUTS.has(name))).toEqual([]);
    expect(Object.keys(first.writes)).toEqual(split.names);
    expect(countFlops(first) + countFlops(rest)).toBe(countFlops(graph));
    expect(countFlops(first)).toBeGreaterThan(0);

    const weights = new Map(Object.entries(fillArrays(graphReads(graph), 0.5)));
    const route = { shape: [2, 3], data: Float64Array.of(0, 2, 3, 1, 4, 5) };
    const feeds = { ...fillArrays(graphInputs(graph)), ...(isRouted && { [ROUTE_INPUT]: route }) };
    const { writes } = interpret(first, feeds, weights);
    const { outputs } = interpret(rest, feeds, new Map([...weights, ...Object.entries(writes)]));
    expect(outputs).toEqual(interpret(graph, feeds, weights).outputs);
  });
});

it('a graph that no other input decides is not split', () => {
  const spec = { shape: [2], dtype: 'f32' } as const;
  const graph = trace(builder => ({ outputs: { y: mul(builder.input('z', spec), builder.state('w', spec)) } }));
  expect(splitGraph(graph, new Set(['z']), 'kept.')).toBeUndefined();
});

it('an output that no varying input decides is kept from the first program', () => {
  const spec = { shape: [2], dtype: 'f32' } as const;
  const graph = trace(builder => {
    const [c, z] = [builder.input('c', spec), builder.input('z', spec)];
    return { outputs: { fixed: add(c, 1), moving: mul(z, 2) } };
  });
  const { first, rest, names } = splitGraph(graph, new Set(['z']), 'kept.') ?? expect.fail();
  expect(names).toEqual(['kept.0']);
  const c = { shape: [2], data: Float64Array.of(1, 2) };
  const { writes } = interpret(first, { c });
  const { outputs } = interpret(rest, { z: c }, new Map(Object.entries(writes)));
  expect([outputs.fixed?.data, outputs.moving?.data]).toEqual([Float64Array.of(2, 3), Float64Array.of(2, 4)]);
});
