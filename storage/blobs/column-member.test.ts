import { expect, it } from 'vitest';
import { encodeNpy } from '../../formats/npy.ts';
import { decodeSignalMember, encodeSignalMember } from './column-member.ts';

const steps = Float32Array.of(0.5, 0.25, 2);

it('a signal in steps comes back with an error of at most half a step, and is cut at 127 of them', () => {
  const data = Float32Array.of(0.3, -0.3, 5, 64, -64, 250);
  const [name, bytes] = encodeSignalMember('patches', 'a', { shape: [1, 2, 3], data, steps });
  expect(name).toBe('a.dinov3_patches.npy');
  expect(decodeSignalMember(bytes, 'x')).toEqual({
    shape: [1, 2, 3],
    data: Float32Array.of(0.5, -0.25, 6, 63.5, -31.75, 250),
  });
});

it('without steps it has the type of its signal', () => {
  const array = { shape: [2], data: Float32Array.of(1, 1 / 3) };
  const read = (signal: 'cls' | 'patches') => decodeSignalMember(encodeSignalMember(signal, 'a', array)[1], 'x').data;
  expect(read('cls')).toEqual(array.data);
  expect(read('patches')).toEqual(Uint16Array.of(0x3c00, 0x3555));
});

it('i8 without steps, with the steps of another width, and other types are refused', () => {
  const whole = encodeNpy({ dtype: 'i8', shape: [1, 3], data: Int8Array.of(1, 2, 3) });
  const two = encodeNpy({ dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) });
  expect(() => decodeSignalMember(whole, 'patches of a')).toThrow('patches of a is i8 without its steps');
  expect(() => decodeSignalMember(Buffer.concat([whole, two]), 'patches of a')).toThrow('i8 without its steps');
  const words = encodeNpy({ dtype: 'i32', shape: [1], data: Int32Array.of(1) });
  expect(() => decodeSignalMember(words, 'patches of a')).toThrow('patches of a is i32');
});
