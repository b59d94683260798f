import { describe, expect, it } from 'vitest';
import { RandomStream } from '../../numerics/random-stream.ts';
import { interpret } from '../engines/reference/engine.ts';
import type { Array64 } from '../engines/reference/kernels.ts';
import * as f from './functions.ts';
import { grad } from './grad.ts';
import type { Graph } from './graph.ts';
import { OPS, type OpName } from './ops.ts';
import { type Shape, sizeOf } from './tensor.ts';
import { weightedSum } from './testing/cases.ts';
import { type Draw, drawProgram, drawShape } from './testing/programs.ts';
import { type Traced, trace, type Value } from './trace.ts';
import { verify } from './verify.ts';

const SEEDS = Array.from({ length: 150 }, (_, seed) => seed);
const STEP = 1e-6;
type Feeds = Readonly<Record<string, Array64>>;

const drawFrom =
  (random: RandomStream): Draw =>
  (low, high) =>
    low + random.below(high - low + 1);

/** The scalar result of a random program over inputs x0, x1 ... */
function drawLoss(inputs: readonly Value[], steps: number, random: RandomStream): Value {
  const [last, second] = drawProgram(inputs, steps, drawFrom(random));
  return f.add(weightedSum(last), weightedSum(second));
}

const drawShapes = (random: RandomStream): Shape[] => Array.from({ length: 3 }, () => drawShape(drawFrom(random)));

function traceWith(shapes: readonly Shape[], build: (inputs: readonly Value[]) => Traced['outputs']): Graph {
  return verify(
    trace(builder => ({
      outputs: build(shapes.map((shape, i) => builder.input(`x${i}`, { shape, dtype: 'f32' }))),
    })),
  );
}

function drawFeeds(shapes: readonly Shape[], random: RandomStream): Feeds {
  const normals = (shape: Shape) => Float64Array.from({ length: sizeOf(shape) }, () => random.normal());
  return Object.fromEntries(shapes.map((shape, i) => [`x${i}`, { shape, data: normals(shape) }]));
}

/** `feeds` plus `step` times the directions. */
function moveBy(feeds: Feeds, directions: Feeds, step: number): Feeds {
  const move = ({ shape, data }: Array64, along: Array64 | undefined) => ({
    shape,
    data: data.map((x, k) => x + step * (along?.data[k] ?? 0)),
  });
  return Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, move(tensor, directions[name])]));
}

const scalarOf = (graph: Graph, feeds: Feeds, name = 'loss') =>
  interpret(graph, feeds).outputs[name]?.data[0] ?? Number.NaN;

/** Slope of an output along the directions, by central differences. */
function slopeOf(graph: Graph, feeds: Feeds, directions: Feeds, name = 'loss'): number {
  const at = (step: number) => scalarOf(graph, moveBy(feeds, directions, step), name);
  return (at(STEP) - at(-STEP)) / (2 * STEP);
}

/** Slope of the loss along the directions, by the gradients g0, g1 ... that the graph returns. */
function slopeByGradients(graph: Graph, feeds: Feeds, directions: Feeds): number {
  const { outputs } = interpret(graph, feeds);
  return Object.entries(directions).reduce((sum, [name, { data }]) => {
    const gradient = outputs[name.replace('x', 'g')];
    return data.reduce((partial, d, k) => partial + d * (gradient?.data[k] ?? Number.NaN), sum);
  }, 0);
}

const named = (gradients: readonly Value[]) => Object.fromEntries(gradients.map((gradient, i) => [`g${i}`, gradient]));

function expectNear(actual: number, expected: number, shown: string, tolerance = 1e-6): void {
  expect(Math.abs(actual - expected) / (1 + Math.abs(expected)), shown).toBeLessThan(tolerance);
}

/** A program of 12 steps with its gradients, and the random stream after they were drawn. */
function traceProgram(seed: number) {
  const random = new RandomStream(seed, 'sample');
  const shapes = drawShapes(random);
  const graph = traceWith(shapes, inputs => {
    const loss = drawLoss(inputs, 12, random);
    return { loss, ...named(grad(loss, inputs)) };
  });
  return { graph, shapes, random };
}

describe('random programs', () => {
  it('gradients of random programs agree with central differences', () => {
    for (const seed of SEEDS) {
      const { graph, shapes, random } = traceProgram(seed);
      const [feeds, directions] = [drawFeeds(shapes, random), drawFeeds(shapes, random)];
      expectNear(slopeByGradients(graph, feeds, directions), slopeOf(graph, feeds, directions), `seed ${seed}`);
    }
  });

  it('random programs use every operation that has a gradient', () => {
    const taken = new Set(SEEDS.flatMap(seed => traceProgram(seed).graph.nodes.map(({ op }) => op)));
    // Tested elsewhere: conv2d in random-shapes.test.ts, stopGradient below, never and after in remat.engine.test.ts,
    // attention by grad.test.ts.
    const attention = ['attention', 'attentionStats', 'attentionGradient'];
    const others = new Set(['state', 'conv2d', 'stopGradient', 'never', 'after', ...attention]);
    expect(Object.keys(OPS).filter(op => !taken.has(op as OpName) && !others.has(op))).toEqual([]);
  });

  it('an input that a random program does not use has a gradient of zeros in its shape', () => {
    let unused = 0;
    for (const seed of SEEDS) {
      const random = new RandomStream(seed, 'sample');
      const shapes = drawShapes(random);
      const graph = traceWith(shapes, inputs => {
        const loss = drawLoss(inputs, 4, random);
        return { loss, ...named(grad(loss, inputs)) };
      });
      const bare = traceWith(shapes, inputs => ({ loss: drawLoss(inputs, 4, replay(seed)) }));
      const used = new Set(bare.nodes.flatMap(node => (node.op === 'input' ? [node.attrs.name] : [])));
      const { outputs } = interpret(graph, drawFeeds(shapes, random));
      for (const [i, shape] of shapes.entries()) {
        expect(outputs[`g${i}`]?.shape).toEqual(shape);
        if (used.has(`x${i}`)) continue;
        unused++;
        expect(outputs[`g${i}`]?.data.every(x => x === 0)).toBe(true);
      }
    }
    expect(unused).toBeGreaterThan(20);
  });

  it('gradients of gradients of random programs agree with central differences', () => {
    for (const seed of SEEDS.slice(0, 60)) {
      const random = new RandomStream(seed, 'sample');
      const shapes = drawShapes(random);
      const graph = traceWith(shapes, inputs => {
        const first = grad(drawLoss(inputs, 6, random), inputs);
        const slope = first.map(weightedSum).reduce((a, b) => f.add(a, b));
        return { loss: slope, ...named(grad(slope, inputs)) };
      });
      const [feeds, directions] = [drawFeeds(shapes, random), drawFeeds(shapes, random)];
      expectNear(slopeByGradients(graph, feeds, directions), slopeOf(graph, feeds, directions), `seed ${seed}`, 1e-5);
    }
  });

  it('stopGradient in a random program acts as another input', () => {
    for (const seed of SEEDS.slice(0, 60)) {
      const random = new RandomStream(seed, 'sample');
      const shapes = drawShapes(random);
      const graph = traceWith(shapes, inputs => {
        const [frozen] = drawProgram(inputs, 4, drawFrom(random));
        const loss = drawLoss([...inputs, f.stopGradient(frozen)], 6, replay(seed));
        return { loss, frozen, ...named(grad(loss, inputs)) };
      });
      const [feeds, directions] = [drawFeeds(shapes, random), drawFeeds(shapes, random)];
      const frozen = interpret(graph, feeds).outputs.frozen;
      if (frozen === undefined) throw new Error('the program does not return the frozen value');
      const fed = traceWith([...shapes, frozen.shape], inputs => ({ loss: drawLoss(inputs, 6, replay(seed)) }));
      const numeric = slopeOf(fed, { ...feeds, x3: frozen }, directions);
      expectNear(slopeByGradients(graph, feeds, directions), numeric, `seed ${seed}`);
    }
  });
});

/** The stream of `seed` after its shapes were drawn: a program that is traced twice gets the same numbers. */
function replay(seed: number): RandomStream {
  const random = new RandomStream(seed, 'sample');
  drawShapes(random);
  return random;
}

describe('integers', () => {
  const build = (x: Value, indices: Value) => f.sumAll(f.mul(f.gather(x, indices, 0), f.cast(indices, 'f32')));

  it('a float that integers select and scale has a gradient', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [3], dtype: 'f32' });
      const indices = builder.input('indices', { shape: [4], dtype: 'i32' });
      return { outputs: named(grad(build(x, indices), [x])) };
    });
    const feeds = {
      x: { shape: [3], data: Float64Array.of(5, 6, 7) },
      indices: { shape: [4], data: Float64Array.of(2, 1, 2, 0) },
    };
    expect([...(interpret(graph, feeds).outputs.g0?.data ?? [])]).toEqual([0, 1, 4]);
  });

  it('integers have no gradient', () => {
    expect(() =>
      trace(builder => {
        const x = builder.input('x', { shape: [3], dtype: 'f32' });
        const indices = builder.input('indices', { shape: [4], dtype: 'i32' });
        return { outputs: named(grad(build(x, indices), [indices])) };
      }),
    ).toThrow('only floating-point values have gradients, got i32[4]');
  });

  it('a float that was rounded to integers gets no gradient through them', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const rounded = f.cast(f.cast(x, 'i32'), 'f32');
      return { outputs: named(grad(f.sumAll(f.mul(rounded, x)), [x])) };
    });
    const feeds = { x: { shape: [2], data: Float64Array.of(2.5, -3.25) } };
    expect([...(interpret(graph, feeds).outputs.g0?.data ?? [])]).toEqual([2, -3]);
  });
});
