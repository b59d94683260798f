import { describe, expect, it } from 'vitest';
import { createReferenceEngine } from '../../engines/reference/engine.ts';
import { linear, rmsNorm } from '../composites.ts';
import * as f from '../functions.ts';
import { grad } from '../grad.ts';
import type { Graph } from '../graph.ts';
import { printGraph } from '../print.ts';
import { tensorOf } from '../tensor.ts';
import { trace } from '../trace.ts';
import { mixPrecision } from './mixed-precision.ts';

/** A norm, attention of one head and a product, with the gradients of both weights. */
function traceAttention(): Graph {
  return trace(builder => {
    const x = builder.input('x', { shape: [2, 3, 4], dtype: 'f32' });
    const w = builder.state('w', { shape: [4, 4], dtype: 'f32' });
    const out = builder.state('out', { shape: [4, 4], dtype: 'f32' });
    const q = linear(rmsNorm(x), w);
    const a = f.softmax(f.matmul(q, q, { transposeB: true }));
    const y = linear(f.matmul(a, q), out);
    const [gw, gout] = grad(f.sumAll(f.mul(y, y)), [w, out]);
    if (!gw || !gout) throw new Error('two gradients were asked for');
    const before = builder.state('grad.w', { shape: [4, 4], dtype: 'f32' });
    return { outputs: { y }, writes: { 'grad.w': f.add(before, gw), 'grad.out': gout } };
  });
}

describe('mixPrecision', () => {
  const graph = traceAttention();
  const mixed = mixPrecision(graph, 'bf16');

  it('casts every matrix product and no other computation', () => {
    for (const node of mixed.nodes) {
      if (node.op === 'matmul') expect(node.dtype).toBe('bf16');
      else if (node.dtype === 'bf16') expect(['cast', 'reshape', 'transpose', 'broadcast', 'slice']).toContain(node.op);
    }
    const products = (each: Graph) => each.nodes.filter(({ op }) => op === 'matmul').length;
    expect(products(mixed)).toBe(products(graph));
    for (const line of printGraph(mixed).split('\n')) {
      if (/= (softmax|reduceSum|reduceMax|add|mul|sqrt|state)\(/.test(line)) expect(line).toContain(': f32[');
    }
  });

  it('keeps the types of outputs and state', () => {
    const types = (each: Graph) =>
      [...Object.entries(each.outputs), ...Object.entries(each.writes)].map(([name, id]) => [
        name,
        each.nodes[id]?.dtype,
      ]);
    expect(types(mixed)).toEqual(types(graph));
  });

  it('casts a value once, and passes the result of a product to the next one without a cast', () => {
    const chain = trace(builder => {
      const x = builder.input('x', { shape: [4, 4], dtype: 'f32' });
      const y = f.matmul(x, x);
      return { outputs: { z: f.matmul(f.transpose(f.reshape(y, [2, 2, 4]), [0, 2, 1]), f.reshape(y, [2, 2, 4])) } };
    });
    const casts = mixPrecision(chain, 'bf16').nodes.filter(({ op }) => op === 'cast');
    expect(casts.map(({ dtype }) => dtype)).toEqual(['bf16', 'f32']);
  });

  it('moves values in the short format, and casts them next to their computation', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [4, 6], dtype: 'f32' });
      const computed = f.exp(x);
      const turned = f.transpose(f.reshape(computed, [2, 2, 6]), [0, 2, 1]);
      const y = f.reshape(f.matmul(turned, f.reshape(computed, [2, 2, 6])), [6, 12]);
      return { outputs: { y: f.tanh(y), z: f.sin(f.reshape(computed, [2, 12])) } };
    });
    const moves = mixPrecision(graph, 'bf16').nodes.filter(({ op }) => op === 'reshape' || op === 'transpose');
    expect(moves.map(({ shape, dtype }) => `${dtype}[${shape}]`)).toEqual([
      'bf16[2,2,6]',
      'bf16[2,6,2]',
      'bf16[6,12]',
      'f32[2,12]',
    ]);
  });

  it('squares, norms, sums and exponentials beyond the range of f16 stay finite in an f16 program', async () => {
    // The square of 600 and the exponential of 20 are above 65,504, the largest number of f16.
    const large = trace(builder => {
      const x = builder.input('x', { shape: [2, 64], dtype: 'f32' });
      const w = builder.constant([1 / 64], [64, 64]);
      const y = f.matmul(x, w);
      const loss = f.sumAll(f.mul(y, y));
      const [gradient] = grad(loss, [x]);
      if (!gradient) throw new Error('a gradient was asked for');
      const scores = f.matmul(f.mul(x, 1 / 30), w);
      return {
        outputs: { norm: rmsNorm(y), loss, gradient, softmax: f.softmax(scores), sum: f.sumAll(f.exp(scores)) },
      };
    });
    const engine = createReferenceEngine();
    const values = Array.from({ length: 128 }, (_, i) => 600 + (i % 3));
    const run = async (each: Graph) =>
      (await engine.compile(each)).run(engine.createState({}), { x: tensorOf([2, 64], values) });
    const [exact, short] = [await run(large), await run(mixPrecision(large, 'f16'))];
    expect(exact.loss?.data[0]).toBeGreaterThan(65504);
    expect(exact.sum?.data[0]).toBeGreaterThan(65504);
    for (const [name, { data }] of Object.entries(exact)) {
      for (const [i, x] of data.entries())
        expect(Math.abs((short[name]?.data[i] ?? Number.NaN) / x - 1)).toBeLessThan(0.03);
    }
  });

  it('returns the graph itself for f32', () => {
    expect(mixPrecision(graph, 'f32')).toBe(graph);
  });

  it('rounds operands to bfloat16 as the reference interpreter does', async () => {
    const product = trace(builder => {
      const x = builder.input('x', { shape: [1, 2], dtype: 'f32' });
      return { outputs: { y: f.matmul(x, builder.constant([1, 1], [2, 1])) } };
    });
    const engine = createReferenceEngine();
    const run = async (each: Graph) => {
      const executable = await engine.compile(each);
      return (await executable.run(engine.createState({}), { x: tensorOf([1, 2], [1.001, 256]) })).y?.data[0];
    };
    expect(await run(product)).toBeCloseTo(257.001, 3);
    // 1.001 is 1 in bfloat16, which has 8 significant bits.
    expect(await run(mixPrecision(product, 'bf16'))).toBe(257);
  });
});
