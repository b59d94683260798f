import { expect, test } from 'vitest';
import { decodeSafetensors, decodeTensor, encodeSafetensors } from './safetensors.ts';
import { readDataStart, readSafetensorsHeader } from './safetensors-header.ts';

const file = encodeSafetensors({
  big: { dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
  small: { dtype: 'u8', shape: [3], data: Uint8Array.of(7, 8, 9) },
});

test('the header alone tells where each tensor lies', () => {
  const start = readDataStart(file.subarray(0, 8));
  const { places } = readSafetensorsHeader(file.subarray(0, start));
  expect(places).toMatchObject([
    { name: 'big', type: 'F32', shape: [2, 2], begin: 0, end: 16 },
    { name: 'small', type: 'U8', shape: [3], begin: 16, end: 19 },
  ]);
  for (const place of places) {
    const data = file.subarray(start + place.begin, start + place.end);
    expect(decodeTensor(place, data)).toEqual(decodeSafetensors(file).tensors[place.name]);
  }
});

test('a tensor of an unknown type stays in the way only if it is kept', () => {
  const odd = Buffer.from(file);
  odd.write('"Q8"', odd.indexOf('"U8"'));
  expect(() => decodeSafetensors(odd)).toThrow('"small" has the type "Q8"');
  expect(Object.keys(decodeSafetensors(odd, name => name === 'big').tensors)).toEqual(['big']);
  expect(() => readSafetensorsHeader(file.subarray(0, 30))).toThrow('the header is cut short');
});
