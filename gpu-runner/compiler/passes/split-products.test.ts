import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../engines/reference/engine.ts';
import { runOnce } from '../../engines/testing/conformance.ts';
import * as f from '../functions.ts';
import type { Graph } from '../graph.ts';
import { tensorOf } from '../tensor.ts';
import { randomValues } from '../testing/random.ts';
import { trace } from '../trace.ts';
import { mixPrecision } from './mixed-precision.ts';
import { optimize } from './optimize.ts';
import { countTerms, splitLongProducts } from './split-products.ts';

const reference = createReferenceEngine();

/** x [..., rows, terms] times w [..., terms, columns], each stored transposed or not. */
function traceProduct(lead: number[], terms: number, transposeA: boolean, transposeB: boolean): Graph {
  return trace(builder => {
    const x = builder.input('x', { shape: [...lead, ...(transposeA ? [terms, 3] : [3, terms])], dtype: 'f32' });
    const w = builder.input('w', { shape: [...lead, ...(transposeB ? [4, terms] : [terms, 4])], dtype: 'f32' });
    return { outputs: { y: f.matmul(x, w, { transposeA, transposeB }) } };
  });
}

function termsOf(graph: Graph): number[] {
  return graph.nodes.flatMap(node => (node.op === 'matmul' ? [countTerms(graph, node)] : []));
}

async function multiply(graph: Graph, lead: number[], terms: number) {
  const size = lead.reduce((a, b) => a * b, 1) * terms;
  const shapeOf = (name: string) =>
    graph.nodes.find(({ attrs }) => 'name' in attrs && attrs.name === name)?.shape ?? [];
  const feeds = {
    x: tensorOf(shapeOf('x'), randomValues(size * 3, 1)),
    w: tensorOf(shapeOf('w'), randomValues(size * 4, 2)),
  };
  return [...((await runOnce(reference, graph, feeds)).y?.data ?? [])];
}

describe('splitLongProducts', () => {
  it.each([
    [[], false, false],
    [[], true, false],
    [[], false, true],
    [[2], true, true],
    [[2, 3], false, true],
  ] as const)(
    'a product of 23 terms with leading axes %j, transposed %j and %j, becomes sums of at most 8',
    async (...args) => {
      const [lead, transposeA, transposeB] = args;
      const whole = traceProduct([...lead], 23, transposeA, transposeB);
      const split = splitLongProducts(mixPrecision(whole, 'f16'), 8);
      expect(termsOf(split)).toEqual([8]);
      const expected = await multiply(whole, [...lead], 23);
      const actual = await multiply(split, [...lead], 23);
      expect(actual).toHaveLength(expected.length);
      for (const [i, y] of expected.entries()) expect(Math.abs((actual[i] ?? Number.NaN) - y)).toBeLessThan(2e-2);
    },
  );

  it('short products and products in other formats stay as they are', () => {
    const graph = traceProduct([], 23, false, false);
    const mixed = mixPrecision(graph, 'f16');
    expect(splitLongProducts(mixed, 23)).toBe(mixed);
    expect(splitLongProducts(graph, 8)).toBe(graph);
    const other = mixPrecision(graph, 'bf16');
    expect(splitLongProducts(other, 8)).toBe(other);
  });

  it('the sum of the parts may be larger than f16 can hold', async () => {
    const graph = traceProduct([], 2048, false, false);
    const feeds = {
      x: tensorOf([3, 2048], new Array(3 * 2048).fill(8)),
      w: tensorOf([2048, 4], new Array(4 * 2048).fill(7)),
    };
    const split = optimize(graph, { precision: 'f16', tuning: { addsInF16: true } });
    expect((await runOnce(reference, split, feeds)).y?.data[0]).toBe(8 * 7 * 2048);
  });

  it('a product of a product is split, too', async () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [12, 12], dtype: 'f32' });
      return { outputs: { y: f.matmul(f.matmul(x, x), x) } };
    });
    const split = splitLongProducts(mixPrecision(graph, 'f16'), 4);
    expect(termsOf(split)).toEqual([4, 4]);
    const feeds = { x: tensorOf([12, 12], randomValues(144, 1)) };
    const [expected, actual] = [await runOnce(reference, graph, feeds), await runOnce(reference, split, feeds)];
    for (const [i, y] of (expected.y?.data ?? []).entries()) {
      expect(Math.abs((actual.y?.data[i] ?? Number.NaN) - y)).toBeLessThan(5e-2);
    }
  });

  it('only an engine that adds up in f16 gets split products', () => {
    const graph = traceProduct([], 5000, true, false);
    expect(termsOf(optimize(graph, { precision: 'f16' }))).toEqual([5000]);
    expect(termsOf(optimize(graph, { precision: 'f16', tuning: { addsInF16: true } }))).toEqual([1000]);
  });
});
