import { describe, expect, it } from 'vitest';
import { type Graph, graphInputs, graphReads } from '../compiler/graph.ts';
import { sizeOf, type TensorSpec } from '../compiler/tensor.ts';
import { interpret } from '../engines/reference/engine.ts';
import type { Array64 } from '../engines/reference/kernels.ts';
import type { BatchShape } from '../model/batch.ts';
import { RandomStream } from '../model/random.ts';
import { GRAD_PREFIX, traceGradGraph } from './grad-graph.ts';
import { tinyConfig } from './testing/tiny.ts';

type Arrays = Readonly<Record<string, Array64>>;

const SHAPE: BatchShape = { batch: 4, height: 8, width: 12, textTokens: 4 };
const configOf = (arch: string) => tinyConfig({ model: { arch, depth: 1 } });

/** Numbers for every name, the same for the same name. */
function fill(specs: ReadonlyMap<string, TensorSpec>, scale = 1): Arrays {
  return Object.fromEntries(
    [...specs].map(([name, { shape }], index) => {
      const random = new RandomStream(3, 'sample', index);
      const isShare = name === 't' || name === 'pose' || name === 'text_mask';
      const data = Float64Array.from({ length: sizeOf(shape) }, () =>
        isShare ? random.uniform() : scale * random.normal(),
      );
      // The second sample has no signal.
      if (name.startsWith('keep_')) data.set([1, 0, 1, 1]);
      return [name, { shape, data }];
    }),
  );
}

const addAlong = (values: Arrays, along: Arrays, step: number) =>
  new Map(
    Object.entries(values).map(([name, { shape, data }]) => {
      return [name, { shape, data: data.map((x, k) => x + step * (along[name]?.data[k] ?? 0)) }] as const;
    }),
  );

/** Rows [start, end) of every feed. */
function rowsOf(feeds: Arrays, start: number, end: number): Arrays {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { shape, data }]) => {
      const row = data.length / (shape[0] ?? 1);
      return [name, { shape: [end - start, ...shape.slice(1)], data: data.slice(start * row, end * row) }];
    }),
  );
}

const meanLoss = (graph: Graph, feeds: Arrays, state: ReadonlyMap<string, Array64>) => {
  const loss = interpret(graph, feeds, state).outputs.loss?.data ?? new Float64Array();
  return loss.reduce((sum, x) => sum + x, 0) / loss.length;
};

describe.each(['joint', 'cross'])('the gradient graph, arch %s', arch => {
  const config = configOf(arch);
  const { graph, params } = traceGradGraph(config, SHAPE, { accumulate: false, microBatches: 1 });
  const feeds = fill(graphInputs(graph));
  const weights = fill(graphReads(graph), 0.5);
  const state = new Map(Object.entries(weights));
  const whole = interpret(graph, feeds, state);

  it('gives the slope of the loss along any direction of all parameters', () => {
    const directions = fill(new Map([...graphReads(graph)].reverse()));
    const slope = params.reduce((sum, { name }) => {
      const gradient = whole.writes[`${GRAD_PREFIX}${name}`]?.data ?? new Float64Array();
      return gradient.reduce((s, g, k) => s + g * (directions[`model.${name}`]?.data[k] ?? Number.NaN), sum);
    }, 0);
    const step = 1e-6;
    const at = (by: number) => meanLoss(graph, feeds, addAlong(weights, directions, by));
    const numeric = (at(step) - at(-step)) / (2 * step);
    expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
    expect(Math.abs(slope / numeric - 1)).toBeLessThan(1e-6);
  });

  it('reaches every parameter', () => {
    const untouched = params.filter(({ name }) => whole.writes[`${GRAD_PREFIX}${name}`]?.data.every(g => g === 0));
    expect(untouched.map(({ name }) => name)).toEqual([]);
  });

  it('accumulates over micro-batches what one batch gives', () => {
    const micro = { ...SHAPE, batch: 2 };
    const [first, next] = [false, true].map(
      accumulate => traceGradGraph(config, micro, { accumulate, microBatches: 2 }).graph,
    );
    if (!first || !next) throw new Error('both graphs were traced');
    const half = interpret(first, rowsOf(feeds, 0, 2), state);
    const both = interpret(next, rowsOf(feeds, 2, 4), new Map([...state, ...Object.entries(half.writes)]));
    for (const { name } of params) {
      const [sum, expected] = [both, whole].map(({ writes }) => writes[`${GRAD_PREFIX}${name}`]?.data);
      const largest = Math.max(...(expected ?? [Number.NaN]).map(Math.abs));
      expect(sum?.length).toBe(expected?.length);
      const error = Math.max(...(sum ?? []).map((g, k) => Math.abs(g - (expected?.[k] ?? Number.NaN))));
      expect(error / largest, name).toBeLessThan(1e-10);
    }
    expect([...(half.outputs.loss?.data ?? []), ...(both.outputs.loss?.data ?? [])]).toEqual(
      [...(whole.outputs.loss?.data ?? [])].map(x => expect.closeTo(x, 10)),
    );
  });
});
