import { expect, it } from 'vitest';
import { tinyItems } from '../training/testing/tiny.ts';
import { packItems, unpackItems } from './packed-batch.ts';

/** Moves a batch as to another thread, and gives back its items. */
function move(batch: ReturnType<typeof packItems>) {
  const moved = structuredClone(batch, { transfer: [...batch.buffers] });
  expect(batch.buffers.map(({ byteLength }) => byteLength)).toEqual(batch.buffers.map(() => 0));
  return unpackItems(moved);
}

it('gives the items back after their one buffer was moved', () => {
  const odd = tinyItems(2, 8, 12).map((item, i) => ({
    ...item,
    // f16, and a number of bytes after which nothing is aligned.
    signals: { ...item.signals, text: { rows: 1, data: Uint16Array.of(1, 2, i) } },
  }));
  const masked = tinyItems(1).map(item => ({ ...item, mask: item.pixels.slice(0, 255) }));
  const items = [...tinyItems(3), ...masked, ...odd, { ...tinyItems(1)[0]!, signals: {} }];
  const batch = packItems(items);
  expect(batch.buffers).toHaveLength(1);
  expect(move(batch)).toEqual(items);
});

it('moves large arrays without a copy, also two in one buffer', () => {
  const file = new ArrayBuffer(128 + 3 * 2 ** 16);
  const pixels = new Uint8Array(file, 128, 3 * 2 ** 14).fill(7);
  const large = new Uint8Array(file, 128, 3 * 2 ** 16).fill(7);
  const patches = { rows: 2, data: new Float32Array(2 ** 15).fill(0.5) };
  const [item] = tinyItems(1);
  const items = [
    { ...item!, pixels: large, signals: { patches } },
    { ...item!, pixels, mask: large, signals: {} },
  ];
  const expected = structuredClone(items);
  const batch = packItems(items);
  expect(batch.buffers.slice(1)).toEqual([file, patches.data.buffer]);
  // The second `pixels` are small, so they are copied.
  expect(batch.buffers[0]!.byteLength).toBe(pixels.length);
  expect(move(batch)).toEqual(expected);
});
