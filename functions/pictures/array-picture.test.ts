import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { toF16Bits } from '../../formats/half.ts';
import { encodeNpy } from '../../formats/npy.ts';
import { packArrayPicture, readArrayPicture } from './array-picture.ts';
import { coverRgb, decodeRgb, probeImage } from './image.ts';
import { NO_LIMITS } from './limits.ts';
import { toPlanar } from './planar.ts';

const SHAPE = [3, 24, 16];
const pixels = Uint8Array.from({ length: 3 * 24 * 16 }, (_, i) => (i * 37) % 256);
const u8 = encodeNpy({ dtype: 'u8', shape: SHAPE, data: pixels });

test('every brightness survives float16 and float32, as numpy divides by 255', () => {
  const every = Uint8Array.from({ length: 3 * 256 }, (_, i) => i % 256);
  const shape = [3, 16, 16];
  const f16 = encodeNpy({ dtype: 'f16', shape, data: Uint16Array.from(every, x => toF16Bits(Math.fround(x / 255))) });
  const f32 = encodeNpy({ dtype: 'f32', shape, data: Float32Array.from(every, x => x / 255) });
  for (const bytes of [f16, f32]) {
    expect(readArrayPicture(bytes)).toEqual({ data: every, width: 16, height: 16 });
    expect(packArrayPicture(bytes)).toEqual(encodeNpy({ dtype: 'u8', shape, data: every }));
  }
});

test('an array is a picture for every stage, and one of the right size keeps its pixels', async () => {
  expect(await probeImage(u8, NO_LIMITS)).toMatchObject({ format: 'npy', width: 16, height: 24 });
  expect(toPlanar(await decodeRgb(u8, NO_LIMITS)).data).toEqual(pixels);
  expect(toPlanar(await coverRgb(u8, 16, 24, NO_LIMITS)).data).toEqual(pixels);
  expect(await coverRgb(u8, 8, 8, NO_LIMITS)).toMatchObject({ width: 8, height: 8 });
});

test('an array that is no picture is refused with its shape, and a number outside 0 to 1 is named', async () => {
  const grey = encodeNpy({ dtype: 'u8', shape: [4, 4], data: new Uint8Array(16) });
  expect(() => readArrayPicture(grey)).toThrow('the array is u8[4, 4]');
  const bright = encodeNpy({ dtype: 'f32', shape: [3, 1, 1], data: Float32Array.of(0, 1, 200) });
  expect(() => readArrayPicture(bright)).toThrow('the array has the number 200');
  const broken = encodeNpy({ dtype: 'f16', shape: [3, 1, 1], data: Uint16Array.of(0, 0x7e00, 0) });
  expect(() => readArrayPicture(broken)).toThrow('the array has the number NaN');
  await expect(decodeRgb(u8.subarray(0, -5), NO_LIMITS)).rejects.toThrow('bytes of data');
  const foreign = await readFile(new URL('../../formats/testdata/fortran.npy', import.meta.url));
  expect(() => readArrayPicture(foreign)).toThrow('Fortran order');
});
