import { expect, test } from 'vitest';
import { costOf, pictureOperations, textOperations } from './model-costs.ts';

/** As flop counters count it: two operations for each product of matrices [rows, inner] x [inner, columns]. */
const product = (rows: number, inner: number, columns: number) => 2 * rows * inner * columns;

test('operations of T5 and of a vision transformer are those of their products, counted one by one', () => {
  const [n, w, inner, hidden] = [77, 1024, 1024, 2816];
  const attention = 4 * product(n, w, inner) + product(n, inner, n) + product(n, n, inner);
  const t5 = { reads: 'caption', width: w, blocks: 24, inner, hidden, products: 3 } as const;
  expect(textOperations(t5, n)).toBeCloseTo(24 * (attention + 3 * product(n, w, hidden)), -2);
  const [m, v] = [196, 768];
  const block = 4 * product(m, v, v) + product(m, v, m) + product(m, m, v) + 2 * product(m, v, 4 * v);
  const vit = { reads: 'image', width: v, blocks: 12, patch: 16 } as const;
  expect(pictureOperations(vit, m)).toBeCloseTo(12 * block + product(m, 3 * 16 ** 2, v), -2);
  // ViT-B/16 at 224 pixels takes 17.6e9 products (Touvron et al. 2021, table 6), two operations each.
  expect(pictureOperations(vit, m) / 2 / 17.6e9).toBeCloseTo(1, 1);
});

test('cost grows with inputs, and a network of unknown layers has none', () => {
  const one = { texts: [{ count: 1, tokens: 20 }], pictures: [{ count: 1, size: { width: 256, height: 256 } }] };
  const ten = { texts: [{ count: 10, tokens: 20 }], pictures: [{ count: 10, size: { width: 256, height: 256 } }] };
  for (const name of ['t5-large', 'minilm-l6', 'dinov3-vitl16', 'efficientnet-lite0', 'efficientnet-lite2', 'dwpose']) {
    const cost = costOf(name, one);
    expect(costOf(name, ten)?.operations).toBeCloseTo(10 * (cost?.operations ?? Number.NaN), -3);
    expect(cost?.weightBytes).toBeGreaterThan(1e7);
  }
  expect(costOf('t5-large', one)?.weightBytes).toBeCloseTo(4 * 334_939_648, -7);
  const inF32 = ['t5-large', 'dinov3-vitl16', 'efficientnet-lite0', 'dwpose'].map(name => costOf(name, one)?.isF32);
  expect(inF32).toEqual([false, false, true, true]);
  expect(costOf('lpips-vgg', one)).toBeUndefined();
});
