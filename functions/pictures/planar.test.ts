import { expect, test } from 'vitest';
import { encodeNpy } from '../../formats/npy.ts';
import { packPixels, readPixels, toInterleaved, toPlanar } from './planar.ts';

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
