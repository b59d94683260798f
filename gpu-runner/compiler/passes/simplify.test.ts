import { describe, expect, it } from 'vitest';
import * as f from '../functions.ts';
import { grad } from '../grad.ts';
import { printGraph } from '../print.ts';
import type { Shape } from '../tensor.ts';
import { type Builder, trace, type Value } from '../trace.ts';
import { simplify } from './simplify.ts';

type Build = (x: Value, y: Value, builder: Builder) => Value;

/** Printed nodes of the simplified graph, without the inputs x and y [2, 3]. */
function simplified(build: Build, shape: Shape = [2, 3]): string[] {
  const graph = trace(builder => {
    const [x, y] = ['x', 'y'].map(name => builder.input(name, { shape, dtype: 'f32' }));
    return { outputs: { x: x!, y: y!, z: build(x!, y!, builder) } };
  });
  return printGraph(simplify(graph))
    .split('\n')
    .filter(line => !/input|return [xy]/.test(line));
}

describe('simplify', () => {
  it.each<[string, Build, string[]]>([
    ['two scales', x => f.mul(f.mul(x, 2), 3), ['%2 = constant() [6] : f32[]', '%3 = mul(%0, %2) : f32[2, 3]']],
    ['a negated scale', x => f.neg(f.mul(x, 2)), ['%2 = constant() [-2] : f32[]', '%3 = mul(%0, %2) : f32[2, 3]']],
    ['a scaled negation', x => f.mul(f.neg(x), 2), ['%2 = constant() [-2] : f32[]', '%3 = mul(%0, %2) : f32[2, 3]']],
    ['two negations', x => f.neg(f.neg(x)), []],
    ['a negated difference', (x, y) => f.neg(f.sub(x, y)), ['%2 = sub(%1, %0) : f32[2, 3]']],
    ['an added negation', (x, y) => f.add(f.neg(x), y), ['%2 = sub(%1, %0) : f32[2, 3]']],
    ['a subtracted negation', (x, y) => f.sub(x, f.neg(y)), ['%2 = add(%0, %1) : f32[2, 3]']],
    [
      'a repeated operand',
      (x, y) => f.mul(x, f.broadcast(f.reduceSum(y, [0]), [2, 3])),
      ['%2 = reduceSum(%1) {axes: [0]} : f32[1, 3]', '%3 = mul(%0, %2) : f32[2, 3]'],
    ],
    [
      'a repeated literal',
      (x, _, builder) => f.add(x, builder.constant([4], [2, 3])),
      ['%2 = constant() [4] : f32[]', '%3 = add(%0, %2) : f32[2, 3]'],
    ],
    [
      'transposed operands of a product',
      (x, y) => f.matmul(f.transpose(x, [1, 0]), f.transpose(f.transpose(y, [1, 0]), [0, 1]), { transposeB: true }),
      ['%2 = matmul(%0, %1) {transposeA: true, transposeB: false} : f32[3, 3]'],
    ],
    [
      'literals',
      (x, _, builder) => {
        const root = f.sqrt(builder.constant([4, 9, 16], [3]));
        return f.add(x, f.reshape(f.sub(f.mul(root, 2), 1), [1, 3]));
      },
      ['%2 = constant() [3, 5, 7] : f32[1, 3]', '%3 = add(%0, %2) : f32[2, 3]'],
    ],
  ])('simplifies %s', (_, build, expected) => {
    const lines = simplified(build);
    expect(lines.slice(0, -1)).toEqual(expected);
  });

  it('keeps a broadcast along an axis that no other operand has', () => {
    const lines = simplified((x, y) => f.add(f.broadcast(f.reduceSum(x, [0]), [2, 3]), f.reduceSum(y, [0])));
    expect(lines.filter(line => line.includes('broadcast')).length).toBe(1);
  });

  it('joins the gradients of slices without padding them', () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2, 9], dtype: 'f32' });
      const parts = [0, 1, 2].map(i => f.slice(x, 1, 3 * i, 3 * i + 3));
      const loss = f.sumAll(f.mul(f.mul(parts[0]!, parts[1]!), parts[2]!));
      return { outputs: { g: grad(loss, [x])[0]! } };
    });
    const ops = simplify(graph).nodes.map(({ op }) => op);
    expect(ops).not.toContain('pad');
    expect(ops.filter(op => op === 'concat').length).toBe(1);
  });

  it('does not join padded values that overlap or have a gap', () => {
    const ops = (second: readonly [number, number]) => {
      const graph = trace(builder => {
        const x = builder.input('x', { shape: [1, 3], dtype: 'f32' });
        return { outputs: { y: f.add(f.pad(x, [0, 0], [0, 5]), f.pad(f.exp(x), [0, second[0]], [0, second[1]])) } };
      });
      return simplify(graph).nodes.map(({ op }) => op);
    };
    expect(ops([2, 3])).toContain('add');
    expect(ops([5, 0])).toContain('add');
    expect(ops([3, 2])).not.toContain('add');
  });
});
