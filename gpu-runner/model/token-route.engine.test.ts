import { describe, expect, it } from 'vitest';
import { reshape, square, sumAll } from '../compiler/functions.ts';
import { grad } from '../compiler/grad.ts';
import { type Graph, graphInputs, graphReads } from '../compiler/graph.ts';
import { tensorOf } from '../compiler/tensor.ts';
import { trace } from '../compiler/trace.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { interpret } from '../engines/reference/engine.ts';
import { GRAD_PREFIX } from '../training/grad-graph.ts';
import { type Arrays, fillArrays, slopesOf } from '../training/testing/slopes.ts';
import { tinyConfig } from '../training/testing/tiny.ts';
import { declareConditions } from './batch.ts';
import { applyNanoDit } from './nanodit.ts';
import { PARAM_PREFIX, Params } from './params.ts';

/** 2 x 3 image tokens of 16 numbers. */
const SHAPE = { batch: 2, height: 8, width: 12, textTokens: 4 };
const [TOKENS, HIDDEN, DEPTH] = [6, 16, 4];
/** The tokens of each sample that go through the blocks of the route: half of them, in any order. */
const HALF = [
  [4, 0, 3],
  [1, 2, 5],
];

interface RouteOptions {
  readonly arch: string;
  /** Tokens on the route. Absent: there is no route. */
  readonly indices?: readonly (readonly number[])[];
  /** First and last block of the route. */
  readonly blocks?: readonly [number, number];
  readonly remat?: boolean;
  readonly depth?: number;
  /** A further block whose tokens are read. */
  readonly tapped?: number;
}

/**
 * Outputs: loss [1], the sum of the squares of the prediction; `tap<k>`, the tokens after each block. Writes all
 * gradients.
 */
function traceRouted({ arch, indices, blocks, remat = false, depth = DEPTH, tapped = 0 }: RouteOptions): Graph {
  const { model } = tinyConfig({ model: { arch, depth, patch_overlap: 0 } });
  const [first, last] = blocks ?? [1, 2];
  return trace(builder => {
    const params = new Params(builder);
    const z = builder.input('z', { shape: [2, 3, SHAPE.height, SHAPE.width], dtype: 'f32' });
    const t = builder.input('t', { shape: [2], dtype: 'f32' });
    const conditions = declareConditions(builder, model, SHAPE);
    const kept = indices && builder.constant(indices.flat(), [2, indices[0]?.length ?? 0], 'i32');
    const route = (layer: number) => (layer >= first && layer <= last ? kept : undefined);
    const { prediction, tap } = applyNanoDit(params, model, { z, t, conditions, remat, route });
    const taps = Object.fromEntries([...Array(depth).keys(), tapped].map(k => [`tap${k}`, tap(k)]));
    const loss = sumAll(square(prediction));
    const names = params.specs.map(({ name }) => name);
    const weights = params.specs.map(({ name, shape }) =>
      builder.state(`${PARAM_PREFIX}${name}`, { shape, dtype: 'f32' }),
    );
    const writes = grad(loss, weights).map((gradient, i) => [`${GRAD_PREFIX}${names[i]}`, gradient] as const);
    return { outputs: { loss: reshape(loss, [1]), ...taps }, writes: Object.fromEntries(writes) };
  });
}

/** The arrays of a graph, nowhere zero: gates that start at 0 would hide the blocks. */
function arraysOf(graph: Graph): { readonly feeds: Arrays; readonly weights: Arrays } {
  return { feeds: fillArrays(graphInputs(graph)), weights: fillArrays(graphReads(graph), 0.5) };
}

function run(graph: Graph, { feeds, weights } = arraysOf(graph)) {
  return interpret(graph, feeds, new Map(Object.entries(weights)));
}

/** The numbers of token `token` of a sample in an output [2, TOKENS, HIDDEN]. */
function tokenOf({ outputs }: ReturnType<typeof run>, name: string, sample: number, token: number): number[] {
  const start = (sample * TOKENS + token) * HIDDEN;
  return [...(outputs[name]?.data ?? [])].slice(start, start + HIDDEN);
}

const near = (values: Float64Array | undefined) => [...(values ?? [])].map(x => expect.closeTo(x, 9));

describe.each(['joint', 'cross'])('a route of half of the tokens around two blocks, arch %s', arch => {
  const routed = run(traceRouted({ arch, indices: HALF }));

  it('tokens that skip blocks stay as they are; the blocks change the others', () => {
    for (const [sample, kept] of HALF.entries()) {
      for (let token = 0; token < TOKENS; token++) {
        const [before, inside, behind, joined] = [0, 1, 2, 3].map(k => tokenOf(routed, `tap${k}`, sample, token));
        expect(before).toHaveLength(HIDDEN);
        if (kept.includes(token)) {
          expect(inside).not.toEqual(before);
          expect(behind).not.toEqual(inside);
        } else {
          expect(inside).toEqual(before);
          expect(behind).toEqual(before);
        }
        expect(joined).not.toEqual(behind);
      }
    }
  });

  it('tokens on the route do not see tokens that skip the blocks', () => {
    const graph = traceRouted({ arch, indices: HALF, blocks: [0, 2] });
    const { feeds, weights } = arraysOf(graph);
    const before = run(graph, { feeds, weights });
    const { shape, data } = feeds.z ?? expect.fail();
    // The first row of pixels: tokens 0 to 2 of the first sample, of which only token 0 is on the route.
    const moved = data.map((x, i) => (i < data.length / 2 && i % SHAPE.width >= 4 && i % 96 < 48 ? x + 1 : x));
    const after = run(graph, { feeds: { ...feeds, z: { shape, data: moved } }, weights });
    for (const token of [0, 3, 4]) expect(tokenOf(after, 'tap2', 0, token)).toEqual(tokenOf(before, 'tap2', 0, token));
    for (const token of [1, 2]) expect(tokenOf(after, 'tap2', 0, token)).not.toEqual(tokenOf(before, 'tap2', 0, token));
    expect(tokenOf(after, 'tap3', 0, 3)).not.toEqual(tokenOf(before, 'tap3', 0, 3));
  });

  it('a route of all tokens, in any order, is the model without a route', () => {
    const reversed = [
      [5, 4, 3, 2, 1, 0],
      [2, 4, 0, 1, 5, 3],
    ];
    const [all, none] = [run(traceRouted({ arch, indices: reversed })), run(traceRouted({ arch }))];
    for (const [name, { data }] of Object.entries(none.outputs)) {
      expect([...(all.outputs[name]?.data ?? [])], name).toEqual(near(data));
    }
    for (const [name, { data }] of Object.entries(none.writes)) {
      expect([...(all.writes[name]?.data ?? [])], name).toEqual(near(data));
    }
  });

  it.each([false, true])(
    'gradients through a route are the slopes of the loss, with gradient checkpointing %s',
    remat => {
      const graph = traceRouted({ arch, indices: HALF, remat });
      const { feeds, weights } = arraysOf(graph);
      const { analytic, numeric } = slopesOf(graph, feeds, weights);
      expect(Math.abs(numeric)).toBeGreaterThan(1e-3);
      expect(Math.abs(analytic / numeric - 1)).toBeLessThan(1e-6);
    },
  );

  it('a route gives the same bits with gradient checkpointing', () => {
    const graph = traceRouted({ arch, indices: HALF, remat: true });
    expect(graph.nodes.some(({ op }) => op === 'after')).toBe(true);
    const again = run(graph);
    expect(again.writes).toEqual(routed.writes);
    expect(again.outputs).toEqual(routed.outputs);
  });

  it('a route gives the same numbers on ONNX Runtime as on the reference interpreter', async () => {
    const graph = traceRouted({ arch, indices: HALF, remat: true });
    const { feeds, weights } = arraysOf(graph);
    const tensors = (arrays: Arrays) =>
      Object.fromEntries(Object.entries(arrays).map(([name, { shape, data }]) => [name, tensorOf(shape, [...data])]));
    const engine = createOnnxRuntimeEngine({ threads: 1 });
    const executable = await engine.compile(graph);
    const state = engine.createState(tensors(weights));
    const outputs = await executable.run(state, tensors(feeds));
    const gradients = await state.read(Object.keys(routed.writes));
    for (const [name, { data }] of Object.entries({ ...routed.outputs, ...routed.writes })) {
      const actual = outputs[name] ?? gradients[name];
      const largest = Math.max(...data.map(Math.abs));
      const error = Math.max(...data.map((x, i) => Math.abs(x - (actual?.data[i] ?? Number.NaN))));
      expect(error / largest, name).toBeLessThan(1e-3);
    }
    await executable.dispose();
    await engine.dispose();
  });
});

it('the tap after a block has the tokens with which a model of fewer blocks ends', () => {
  const arrays = arraysOf(traceRouted({ arch: 'joint' }));
  const [deep, shallow] = [
    run(traceRouted({ arch: 'joint' }), arrays),
    run(traceRouted({ arch: 'joint', depth: 2 }), arrays),
  ];
  for (const name of ['tap0', 'tap1']) {
    expect(deep.outputs[name]?.shape).toEqual([2, TOKENS, HIDDEN]);
    expect(deep.outputs[name]).toEqual(shallow.outputs[name]);
  }
  expect(deep.outputs.tap2).not.toEqual(deep.outputs.tap1);
});

it.each([-1, DEPTH])('a tap after block %i, which the model does not have, is refused', block => {
  expect(() => traceRouted({ arch: 'joint', tapped: block })).toThrow(`the model has no block ${block}`);
});
