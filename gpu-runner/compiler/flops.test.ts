import { expect, it } from 'vitest';
import { conv2d } from './convolution.ts';
import { countFlops } from './flops.ts';
import * as f from './functions.ts';
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
