import { expect, it } from 'vitest';
import { createReferenceEngine } from '../../engines/reference/engine.ts';
import { runOnce } from '../../engines/testing/conformance.ts';
import { linear } from '../composites.ts';
import * as f from '../functions.ts';
import { grad } from '../grad.ts';
import type { Graph } from '../graph.ts';
import { tensorOf } from '../tensor.ts';
import { randomValues } from '../testing/random.ts';
import { trace } from '../trace.ts';
import { verify } from '../verify.ts';
import { mergeProducts } from './merge-products.ts';

const NAMES = ['q', 'k', 'v'];
const WIDTHS = [4, 2, 3];

/** Gradients of a loss over three projections of x and over x itself. */
const projections = trace(builder => {
  const x = f.exp(builder.input('x', { shape: [5, 6], dtype: 'f32' }));
  const weights = NAMES.map((name, i) => builder.input(name, { shape: [6, WIDTHS[i] ?? 0], dtype: 'f32' }));
  const results = weights.map(weight => f.tanh(linear(x, weight)));
  const loss = f.add(
    f.sumAll(f.mul(x, x)),
    results.map(f.sumAll).reduce((a, b) => f.add(a, b)),
  );
  const [dx, ...gradients] = grad(loss, [x, ...weights]);
  return { outputs: { dx: dx!, ...Object.fromEntries(NAMES.map((name, i) => [`d${name}`, gradients[i]!])) } };
});

const countProducts = (graph: Graph) => graph.nodes.filter(({ op }) => op === 'matmul').length;

it('merges the weight gradients of projections into one product, and their input gradients into another', async () => {
  const merged = verify(mergeProducts(projections));
  expect([countProducts(projections), countProducts(merged)]).toEqual([9, 5]);
  expect(merged.nodes.filter(({ op }) => op === 'concat').length).toBe(2);

  const engine = createReferenceEngine();
  const feeds = Object.fromEntries(
    [['x', 30] as const, ...NAMES.map((name, i) => [name, 6 * (WIDTHS[i] ?? 0)] as const)].map(([name, size], i) => {
      const shape = name === 'x' ? [5, 6] : [6, size / 6];
      return [name, tensorOf(shape, randomValues(size, i))];
    }),
  );
  const [expected, actual] = await Promise.all([projections, merged].map(graph => runOnce(engine, graph, feeds)));
  for (const [name, { data }] of Object.entries(expected ?? {})) {
    const errors = [...data].map((x, i) => Math.abs(x - (actual?.[name]?.data[i] ?? Number.NaN)));
    expect(Math.max(...errors), name).toBeLessThan(1e-6);
  }
});

it('does not merge products that are wide, of different origins, or read elsewhere', () => {
  const build = (width: number, origin: string, isShared: boolean) =>
    trace(builder => {
      const x = builder.input('x', { shape: [2, 3], dtype: 'f32' });
      const [a, b] = ['a', 'b'].map(name => builder.input(name, { shape: [2, width], dtype: 'f32' }));
      const [v, w] = ['v', 'w'].map(name => builder.input(name, { shape: [3, width], dtype: 'f32' }));
      const first = { da: f.matmul(x, a!, { transposeA: true }), av: f.matmul(a!, v!, { transposeB: true }) };
      const [db, bw] = builder.scope(origin, () => [
        f.matmul(x, b!, { transposeA: true }),
        f.matmul(b!, w!, { transposeB: true }),
      ]);
      return { outputs: { da: first.da, db: db!, sum: f.add(first.av, bw!), ...(isShared && { bw: bw! }) } };
    });
  const merges = (graph: Graph) => countProducts(graph) - countProducts(mergeProducts(graph));
  expect(merges(build(4, '', false))).toBe(2);
  expect(merges(build(4, '', true))).toBe(1);
  expect(merges(build(4, 'block 2', false))).toBe(0);
  expect(merges(build(400, '', false))).toBe(0);
});
