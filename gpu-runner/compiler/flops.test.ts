import { expect, it } from 'vitest';
import { attend } from './attention.ts';
import { conv2d } from './convolution.ts';
import { countFlops } from './flops.ts';
import * as f from './functions.ts';
import { grad } from './grad.ts';
import { trace } from './trace.ts';

it('counts two operations for each multiply-add of products and convolutions, and nothing for the rest', () => {
  const graph = trace(builder => {
    const input = (name: string, shape: readonly number[]) => builder.input(name, { shape, dtype: 'f32' });
    const [a, b] = [input('a', [5, 3, 4]), input('b', [5, 4, 7])];
    const transposed = f.matmul(input('c', [4, 3]), input('d', [7, 4]), { transposeA: true, transposeB: true });
    const picture = conv2d(input('x', [2, 6, 9, 9]), input('w', [8, 3, 3, 3]), { groups: 2 });
    return { outputs: { product: f.exp(f.matmul(a, b)), transposed, picture } };
  });
  expect(countFlops(graph)).toBe(2 * (5 * 3 * 7 * 4 + 3 * 7 * 4 + 2 * 8 * 7 * 7 * 3 * 3 * 3));
});

it('counts attention as one operation like its products, with its gradients', () => {
  const [fused, whole] = [true, false].map(isFused =>
    countFlops(
      trace(builder => {
        const input = (name: string, tokens: number) => builder.input(name, { shape: [2, 3, tokens, 8], dtype: 'f32' });
        const [query, key, value] = [input('query', 4), input('key', 6), input('value', 6)];
        const y = attend(query, [{ key, value }], { fused: isFused });
        const [q, k, v] = grad(f.sumAll(f.mul(y, y)), [query, key, value]);
        return { outputs: { y, ...(q && k && v && { q, k, v }) } };
      }),
    ),
  );
  expect(fused).toBe(6 * 2 * 2 * 3 * 4 * 6 * 8);
  expect(whole).toBe(fused);
});
