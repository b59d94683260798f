import { describe, expect, it } from 'vitest';
import { type Graph, graphInputs, graphReads } from '../../compiler/graph.ts';
import { hashGraph } from '../../compiler/print.ts';
import { interpret } from '../../engines/reference/engine.ts';
import type { BatchShape } from '../../model/batch.ts';
import { GRAD_PREFIX, type GradGraphOptions, traceGradGraph } from '../grad-graph.ts';
import { type Arrays, fillArrays, slopesOf } from '../testing/slopes.ts';
import { tinyConfig } from '../testing/tiny.ts';
import { TOY_LOSSES } from '../testing/toy-losses.ts';
import { openLosses } from './losses.ts';

const SHAPE: BatchShape = { batch: 4, height: 8, width: 12, textTokens: 4 };
const WEIGHT = 0.5;
const WHOLE = { accumulate: false };

const configOf = (block = 0) => tinyConfig({ objective: { losses: { alignment: { weight: WEIGHT, block } } } });

function traceLosses(config: ReturnType<typeof configOf>, options: GradGraphOptions = WHOLE, shape = SHAPE) {
  return traceGradGraph(config, shape, { losses: openLosses(config, TOY_LOSSES), ...options });
}

/** Feeds and weights that are nowhere zero, gates included. */
function arraysOf(graph: Graph): { readonly feeds: Arrays; readonly weights: Arrays } {
  const weight = { shape: [], data: Float64Array.of(WEIGHT) };
  const feeds = { ...fillArrays(graphInputs(graph)), weight_alignment: weight, weight_recall: weight };
  return { feeds, weights: fillArrays(graphReads(graph), 0.5) };
}

const rowsOf = (feeds: Arrays, start: number, end: number): Arrays =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { shape, data }]) => {
      if (shape.length === 0) return [name, { shape, data }];
      const row = data.length / (shape[0] ?? 1);
      return [name, { shape: [end - start, ...shape.slice(1)], data: data.slice(start * row, end * row) }];
    }),
  );

describe('the gradient graph of two losses', () => {
  const { graph, params, frozen } = traceLosses(configOf());
  const { feeds, weights } = arraysOf(graph);
  const state = new Map(Object.entries(weights));
  const whole = interpret(graph, feeds, state);

  it.each([false, true])(
    'gradients are the slope of the weighted sum of two losses, with gradient checkpointing %s',
    remat => {
      const { graph: same } = traceLosses(configOf(), { ...WHOLE, remat });
      const { analytic, numeric } = slopesOf(same, feeds, weights);
      expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
      expect(Math.abs(analytic / numeric - 1)).toBeLessThan(1e-6);
    },
  );

  it('the outputs are each loss and their weighted sum', () => {
    const [total, first, second] = ['loss', 'loss/flow_matching', 'loss/alignment'].map(name => [
      ...(whole.outputs[name]?.data ?? []),
    ]);
    expect(second).toHaveLength(SHAPE.batch);
    expect(second?.every(x => x > 0 && x < 2)).toBe(true);
    expect(total).toEqual(first?.map((x, i) => expect.closeTo(x + WEIGHT * (second?.[i] ?? Number.NaN), 10)));
  });

  it('the parameter of a loss gets a gradient, and the frozen net gets none', () => {
    expect(params.map(({ name }) => name)).toContain('alignment.proj');
    expect(whole.writes['grad.alignment.proj']?.data.some(g => g !== 0)).toBe(true);
    expect(frozen).toEqual([{ net: 'teacher', name: 'proj', shape: [108, 5] }]);
    expect(graphReads(graph).has('frozen.teacher.proj')).toBe(true);
    expect(Object.keys(graph.writes)).toEqual(params.map(({ name }) => `${GRAD_PREFIX}${name}`));
  });

  it('micro-batches of two losses add up to the gradients of one batch', () => {
    const micro = { ...SHAPE, batch: 2 };
    const halves = { accumulate: false };
    const [first, next] = [halves, { ...halves, accumulate: true }].map(options =>
      traceLosses(configOf(), options, micro),
    );
    if (!first || !next) throw new Error('both graphs were traced');
    const half = interpret(first.graph, rowsOf(feeds, 0, 2), state);
    const both = interpret(next.graph, rowsOf(feeds, 2, 4), new Map([...state, ...Object.entries(half.writes)]));
    for (const [name, { data }] of Object.entries(whole.writes)) {
      const largest = Math.max(...data.map(Math.abs));
      const error = Math.max(...data.map((g, k) => Math.abs(g - (both.writes[name]?.data[k] ?? Number.NaN))));
      expect(error / largest, name).toBeLessThan(1e-10);
    }
  });

  it.each([0, 1])('gradient checkpointing gives the same bits when a loss reads the tokens after block %i', block => {
    const [kept, again] = [false, true].map(remat => traceLosses(configOf(block), { ...WHOLE, remat }).graph);
    if (!kept || !again) throw new Error('both graphs were traced');
    expect(again.nodes.some(({ op }) => op === 'after')).toBe(true);
    const [expected, actual] = [interpret(kept, feeds, state), interpret(again, feeds, state)];
    expect(actual.outputs).toEqual(expected.outputs);
    expect(actual.writes).toEqual(expected.writes);
  });

  it('without the second loss the graph is the default one, and the parameter of that loss gets a gradient of 0', () => {
    const [first] = openLosses(configOf(), TOY_LOSSES);
    const options = { ...WHOLE, ...(first && { losses: [first] }) };
    const single = traceLosses(configOf(), options).graph;
    expect(hashGraph(single)).toBe(hashGraph(traceGradGraph(tinyConfig(), SHAPE, WHOLE).graph));
    const { writes } = interpret(traceLosses(configOf(), { ...options, params }).graph, feeds, state);
    expect(Object.keys(writes)).toEqual(Object.keys(whole.writes));
    expect(writes['grad.alignment.proj']?.data.every(g => g === 0)).toBe(true);
    expect(writes['grad.head.out']?.data.some(g => g !== 0)).toBe(true);
  });
});

it('a loss reads a column that the model is not conditioned on, in samples that have the column', () => {
  const config = tinyConfig({
    model: { depth: 1, conditions: {} },
    objective: { losses: { recall: { weight: WEIGHT, dim: 5 } } },
  });
  const { graph } = traceLosses(config);
  const { feeds, weights } = arraysOf(graph);
  expect(feeds.column_cls?.shape).toEqual([4, 5]);
  const present = { ...feeds, has_cls: { shape: [4], data: Float64Array.of(1, 0, 1, 1) } };
  const { analytic, numeric } = slopesOf(graph, present, weights);
  expect(Math.abs(analytic / numeric - 1)).toBeLessThan(1e-6);
  const loss = interpret(graph, present, new Map(Object.entries(weights))).outputs['loss/recall'];
  expect([...(loss?.data ?? [])].map(x => x > 0)).toEqual([true, false, true, true]);
});

it.each([
  ['alignment', { block: 0 }, { taps: [0] }, 'the frozen net teacher'],
  ['alignment', { block: 0 }, { frozen: ['teacher'] }, 'the tap 0'],
  ['recall', { dim: 5 }, { taps: [0] }, 'the column cls'],
])('the loss %s with %j may not read more than its needs %j', (name, options, needs, part) => {
  const config = tinyConfig({ objective: { losses: { [name]: { weight: 1, ...options } } } });
  const losses = openLosses(config, TOY_LOSSES).map(term => ({ ...term, needs }));
  expect(() => traceGradGraph(config, SHAPE, { ...WHOLE, losses })).toThrow(
    `the loss ${name} reads ${part} and does not name it among its needs`,
  );
});
