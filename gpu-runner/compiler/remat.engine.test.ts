import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runsTier } from '../../test/tiers.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { predictPeakBytes } from '../engines/onnxruntime/memory.ts';
import { createOpenVinoEngine, probeOpenVino } from '../engines/openvino/engine.ts';
import { createReferenceEngine } from '../engines/reference/engine.ts';
import { runOnce } from '../engines/testing/conformance.ts';
import { createXlaEngine } from '../engines/xla/engine.ts';
import { probeXla } from '../engines/xla/probe.ts';
import { gelu, rmsNorm, silu } from './composites.ts';
import type { Engine } from './engine.ts';
import { expandComposites } from './expand-composites.ts';
import * as f from './functions.ts';
import { grad } from './grad.ts';
import { type Graph, graphInputs, graphReads } from './graph.ts';
import { mixPrecision } from './passes/mixed-precision.ts';
import { optimize } from './passes/optimize.ts';
import { hashGraph, printGraph } from './print.ts';
import { remat } from './remat.ts';
import { emptyTensor, sizeOf, type Tensor, type TensorSpec } from './tensor.ts';
import { weightedSum } from './testing/cases.ts';
import { randomValues } from './testing/random.ts';
import { type Builder, trace, type Value } from './trace.ts';
import { verify } from './verify.ts';

/** Runs a function of values, inside remat or not. */
type Mark = <T>(build: () => T) => T;

interface Sources {
  readonly builder: Builder;
  /** x and y: [6, 5]. */
  readonly x: Value;
  readonly y: Value;
  /** State, w and v: [5, 5]. */
  readonly w: Value;
  readonly v: Value;
  /** [4], values in 0 ... 5. */
  readonly indices: Value;
}

/** Not a power of two: products with it round, so a different fusion changes bits. */
const SCALE = 0.3;
const layer = (x: Value, w: Value) => f.add(x, gelu(f.matmul(rmsNorm(x), w)));

const NETS: Readonly<Record<string, (sources: Sources, mark: Mark) => Value>> = {
  'a chain of blocks': ({ x, w, v }, mark) => [w, v, w].reduce((value, weight) => mark(() => layer(value, weight)), x),
  'nested blocks': ({ x, w, v }, mark) =>
    mark(() => {
      const inner = mark(() => layer(x, w));
      return layer(
        mark(() => f.mul(layer(inner, v), SCALE)),
        w,
      );
    }),
  'several outputs, one of them unused'({ x, y, w }, mark) {
    const [a, b] = mark(() => {
      const hidden = f.matmul(f.mul(x, SCALE), w);
      return [silu(hidden), f.mul(hidden, y), f.exp(hidden)] as const;
    });
    return f.add(
      f.mul(a, b),
      mark(() => f.mul(b, b)),
    );
  },
  'indices and masks': ({ x, w, indices }, mark) =>
    mark(() => {
      const rows = f.matmul(f.gather(x, indices, 0), w);
      const best = f.equal(rows, f.reduceMax(rows, [1]));
      return f.softmax(f.select(f.and(best, f.less(rows, 1)), f.sin(rows), rows));
    }),
  'a parameter inside and outside': ({ x, w }, mark) =>
    f.matmul(
      mark(() => layer(x, f.mul(w, SCALE))),
      f.mul(w, SCALE),
    ),
  'a bias after a product': ({ x, y, w }, mark) => mark(() => f.mul(f.add(f.matmul(x, w), y), f.matmul(f.exp(x), w))),
  'equal blocks': ({ x, w }, mark) =>
    f.mul(
      mark(() => layer(x, w)),
      f.exp(mark(() => layer(x, w))),
    ),
  'nothing but parameters': ({ w, v }, mark) => mark(() => f.tanh(f.matmul(w, v))),
};

function traceNet(net: (sources: Sources, mark: Mark) => Value, isMarked: boolean): Graph {
  const graph = trace(builder => {
    const input = (name: string) => builder.input(name, { shape: [6, 5], dtype: 'f32' });
    const state = (name: string) => builder.state(name, { shape: [5, 5], dtype: 'f32' });
    const [x, y, w, v] = [input('x'), input('y'), state('w'), state('v')];
    const indices = builder.input('indices', { shape: [4], dtype: 'i32' });
    const mark: Mark = build => (isMarked ? remat(builder, build) : build());
    const loss = weightedSum(net({ builder, x, y, w, v, indices }, mark));
    const [dx, dy, dw, dv] = grad(loss, [x, y, w, v]);
    if (!dx || !dy || !dw || !dv) throw new Error('four gradients were asked for');
    return { outputs: { loss, dx, dy }, writes: { dw, dv } };
  });
  return verify(graph);
}

function randomTensors(specs: ReadonlyMap<string, TensorSpec>): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const [index, [name, spec]] of [...specs].entries()) {
    const tensor = emptyTensor(spec);
    tensor.data.set(randomValues(sizeOf(spec.shape), index + 1, spec.dtype === 'i32' ? [0, 5] : [-1, 1]));
    tensors[name] = tensor;
  }
  return tensors;
}

/** Outputs of one run and the state that it wrote. */
async function runNet(engine: Engine, graph: Graph): Promise<Record<string, Tensor>> {
  const state = engine.createState(randomTensors(graphReads(graph)));
  const executable = await engine.compile(optimize(graph, engine));
  const outputs = await executable.run(state, randomTensors(graphInputs(graph)));
  const written = await state.read(Object.keys(graph.writes));
  await executable.dispose();
  state.dispose();
  return { ...outputs, ...written };
}

function bitsOf(tensors: Record<string, Tensor>): Record<string, string> {
  const hex = ({ data }: Tensor) => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, hex(tensor)]));
}

const engines: Readonly<Record<string, () => Engine>> = {
  reference: createReferenceEngine,
  'onnxruntime/cpu': () => createOnnxRuntimeEngine({ threads: 1 }),
};

describe.each(Object.keys(engines))('remat on %s', name => {
  const engine = engines[name]?.();
  afterAll(() => engine?.dispose());

  it.each(Object.keys(NETS))('gradients with and without remat are equal bit by bit: %s', async net => {
    const build = NETS[net];
    if (!engine || !build) throw new Error('no such row');
    const [again, kept] = [await runNet(engine, traceNet(build, true)), await runNet(engine, traceNet(build, false))];
    expect(bitsOf(again)).toEqual(bitsOf(kept));
  });
});

const gated = trace(builder => {
  const x = builder.input('x', { shape: [6], dtype: 'f32' });
  const index = builder.input('index', { shape: [2], dtype: 'i32' });
  const gates = [builder.input('gate', { shape: [2, 2], dtype: 'f32' }), x];
  return { outputs: { x: f.after(x, gates), mask: f.after(f.less(x, 1), gates), index: f.after(index, gates) } };
});

async function expectGateKeepsBits(engine: Engine): Promise<void> {
  const x = Float32Array.of(-0, 0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e-30);
  const index = Int32Array.of(-7, 2 ** 30);
  for (const gate of [0, -1, Number.NaN, Number.NEGATIVE_INFINITY]) {
    const outputs = await runOnce(engine, gated, {
      x: { shape: [6], dtype: 'f32', data: x },
      gate: { shape: [2, 2], dtype: 'f32', data: new Float32Array(4).fill(gate) },
      index: { shape: [2], dtype: 'i32', data: index },
    });
    // toEqual tells -0 from 0.
    expect([...(outputs.x?.data ?? [])]).toEqual([...x]);
    expect([...(outputs.mask?.data ?? [])]).toEqual([1, 1, 0, 0, 1, 1]);
    expect([...(outputs.index?.data ?? [])]).toEqual([...index]);
  }
}

describe('after', () => {
  it.each(Object.keys(engines))('after keeps every bit of -0, NaN and infinities on %s', async name => {
    await expectGateKeepsBits(engines[name]?.() ?? expect.fail());
  });
});

describe.skipIf(!runsTier('openvino', probeOpenVino().reason))('remat on OpenVINO', () => {
  it('after keeps every bit on OpenVINO', async () => {
    const engine = createOpenVinoEngine({ threads: 1 });
    await expectGateKeepsBits(engine);
    await engine.dispose();
  });

  // OpenVINO fuses nodes with one reader, and fused nodes round differently.
  it.each(Object.entries(NETS))('gradients with and without remat differ only by rounding: %s', async (_, build) => {
    const engine = createOpenVinoEngine({ threads: 1 });
    const [again, kept] = [await runNet(engine, traceNet(build, true)), await runNet(engine, traceNet(build, false))];
    await engine.dispose();
    expect(Object.keys(again)).toEqual(Object.keys(kept));
    for (const [name, { data }] of Object.entries(kept)) {
      const scale = Math.max(1e-3, ...[...data].map(Math.abs));
      for (const [i, x] of data.entries())
        expect(Math.abs((again[name]?.data[i] ?? Number.NaN) - x)).toBeLessThan(1e-5 * scale);
    }
  });
});

describe.skipIf(!runsTier('xla', (await probeXla('cpu')).reason))('remat on XLA', () => {
  // XLA fuses sums with what they add up, and a fused sum may have another order.
  let engine: Engine;
  beforeAll(async () => {
    engine = await createXlaEngine({ platform: 'cpu', fuses: false });
  });
  afterAll(() => engine.dispose());

  it('after keeps every bit on XLA', () => expectGateKeepsBits(engine));

  it.each(Object.entries(NETS))(
    'gradients with and without remat are equal bit by bit on XLA: %s',
    async (_, build) => {
      const [again, kept] = [await runNet(engine, traceNet(build, true)), await runNet(engine, traceNet(build, false))];
      expect(bitsOf(again)).toEqual(bitsOf(kept));
    },
  );
});

const traceExpanded = (build: Parameters<typeof trace>[0]) => expandComposites(trace(build));

describe('remat', () => {
  const chain = NETS['a chain of blocks'] ?? expect.fail();

  it('recomputes the inside as new nodes that wait for the gradient', () => {
    const count = (graph: Graph, op: string) => expandComposites(graph).nodes.filter(node => node.op === op).length;
    const [kept, again] = [traceNet(chain, false), traceNet(chain, true)];
    // Each of the three blocks has a sigmoid and two products. The backward pass needs one of the products.
    expect(count(again, 'sigmoid')).toBe(2 * count(kept, 'sigmoid'));
    expect(count(again, 'matmul')).toBe(count(kept, 'matmul') + 3);
    expect(count(again, 'never')).toBe(3);
    expect(count(kept, 'after')).toBe(0);
    expect(hashGraph(again)).not.toBe(hashGraph(kept));
    expect(hashGraph(again)).toBe(hashGraph(traceNet(chain, true)));
  });

  it('recomputation is visible in the printed graph', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const [dx] = grad(f.sumAll(f.exp(remat(builder, () => f.sin(f.exp(x))))), [x]);
      return { outputs: { dx: dx ?? x } };
    });
    expect(printGraph(graph)).toMatchInlineSnapshot(`
      "%0 = input() "x" : f32[2]
      %1 = exp(%0) : f32[2]
      %2 = sin(%1) : f32[2]
      %3 = exp(%2) : f32[2]
      %4 = constant() [1] : f32[]
      %5 = reshape(%4) {shape: [1]} : f32[1]
      %6 = mul(%5, %3) : f32[2]
      %7 = never(%6) : bool[]
      %8 = after(%0, %7) : f32[2]
      %9 = exp(%8) : f32[2]
      %10 = cos(%9) : f32[2]
      %11 = mul(%6, %10) : f32[2]
      %12 = mul(%11, %9) : f32[2]
      return dx = %12"
    `);
  });

  it('does not recompute values that depend only on parameters', () => {
    const net = NETS['nothing but parameters'] ?? expect.fail();
    expect(hashGraph(traceNet(net, true))).toBe(hashGraph(traceNet(net, false)));
  });

  it('mixed precision keeps the gates of remat', () => {
    const graph = mixPrecision(traceNet(chain, true), 'bf16');
    expect(graph.nodes.filter(({ op }) => op === 'never')).toHaveLength(3);
  });

  it('remat lowers the predicted peak of a deep net', () => {
    const deep = (isMarked: boolean) =>
      predictPeakBytes(
        traceExpanded(builder => {
          let x = builder.input('x', { shape: [4096, 512], dtype: 'f32' });
          const w = builder.state('w', { shape: [512, 512], dtype: 'f32' });
          for (let i = 0; i < 16; i++) {
            const before = x;
            x = isMarked ? remat(builder, () => layer(before, w)) : layer(before, w);
          }
          const [dw] = grad(f.sumAll(f.square(x)), [w]);
          return { outputs: {}, writes: { dw: dw ?? w } };
        }),
      );
    expect(deep(true)).toBeLessThan(0.35 * deep(false));
  });
});
