import { expect, it } from 'vitest';
import { tinyItems } from '../training/testing/tiny.ts';
import { packItems, unpackItems } from './packed-batch.ts';

it('gives the items back after their one buffer was moved', () => {
  const odd = tinyItems(2, 8, 12).map((item, i) => ({
    ...item,
    // f16, and a number of bytes after which nothing is aligned.
    signals: { ...item.signals, text: { rows: 1, data: Uint16Array.of(1, 2, i) } },
  }));
  const masked = tinyItems(1).map(item => ({ ...item, mask: item.pixels.slice(0, 255) }));
  const items = [...tinyItems(3), ...masked, ...odd, { ...tinyItems(1)[0]!, signals: {} }];
  const batch = packItems(items);
  const moved = structuredClone(batch, { transfer: [batch.buffer] });
  expect(batch.buffer.byteLength).toBe(0);
  expect(unpackItems(moved)).toEqual(items);
});
