import { expect, test } from 'vitest';
import { encodeNpy } from '../../formats/npy.ts';
import { decodeRgb, encodePng } from './image.ts';
import { createPacker, packedBytes, packPixels, readPixels, takePixels, toInterleaved, toPlanar } from './planar.ts';

const picture = { data: Uint8Array.from({ length: 3 * 5 * 2 }, (_, i) => 7 * i + 1), width: 5, height: 2 };

test('pixels of a picture are the array that NumPy would save, and are read again', () => {
  const packed = packPixels(picture);
  expect(packed).toEqual(encodeNpy({ dtype: 'u8', shape: [3, 2, 5], data: toPlanar(picture).data }));
  expect(readPixels(packed)).toEqual(picture);
});

test('planes hold one channel each, and become the picture again', () => {
  const planar = toPlanar(picture);
  expect([...planar.data.subarray(0, 3)]).toEqual([1, 22, 43]);
  expect([...planar.data.subarray(20, 22)]).toEqual([15, 36]);
  expect(toInterleaved(planar)).toEqual(picture);
});

test.each([
  ['of whole words', 8, 6, 0],
  ['that begins within a word', 8, 6, 1],
  ['of a number of pixels that is no multiple of four', 7, 3, 0],
])('a picture %s has the bytes of each channel in its planes', (_, width, height, offset) => {
  const area = width * height;
  const all = Uint8Array.from({ length: offset + 3 * area }, (_, i) => (i * 101 + (i >> 3)) % 256);
  const data = all.subarray(offset);
  const planes = [0, 1, 2].flatMap(channel => Array.from({ length: area }, (_, i) => data[3 * i + channel]));
  expect([...toPlanar({ data, width, height }).data]).toEqual(planes);
  const packed = packPixels({ data, width, height });
  expect([...packed.subarray(-3 * area)]).toEqual(planes);
  expect(packed.length).toBe(packedBytes({ width, height }));
});

test('a picture that is taken is freed, unless others use its buffer', () => {
  const all = Uint8Array.from({ length: 64 }, (_, i) => i);
  const alone = { data: all.slice(0, 48), width: 4, height: 4 };
  const packed = packPixels(alone);
  expect(takePixels(alone)).toEqual(packed);
  expect(alone.data.length).toBe(0);
  const shared = { data: all.subarray(0, 48), width: 4, height: 4 };
  expect(takePixels(shared)).toEqual(packed);
  expect(shared.data.length).toBe(48);
});

test('a picture that sharp has decoded is freed when it is taken', async () => {
  const rgb = await decodeRgb(await encodePng({ data: new Uint8Array(3 * 256 * 256), width: 256, height: 256 }));
  expect(takePixels(rgb).length).toBe(packedBytes({ width: 256, height: 256 }));
  expect(rgb.data.length).toBe(0);
});

test('pictures that are packed in turn have their own bytes, in one memory unless one needs more', () => {
  const pack = createPacker();
  const sizes = [
    [4, 4],
    [4, 2],
    [8, 6],
    [4, 4],
  ] as const;
  const buffers = sizes.map(([width, height], number) => {
    const data = Uint8Array.from({ length: 3 * width * height }, (_, i) => (i * 7 + number) % 256);
    const alone = packPixels({ data, width, height });
    const packed = pack({ data, width, height });
    expect(packed).toEqual(alone);
    return packed.buffer;
  });
  expect(buffers[1]).toBe(buffers[0]);
  expect(buffers[2]).not.toBe(buffers[1]);
  expect(buffers[3]).toBe(buffers[2]);
});
