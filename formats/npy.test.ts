import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InvalidInput, Unprocessable } from '../errors.ts';
import { decodeNpy, decodeNpyList, encodeNpy, type NpyInput } from './npy.ts';

const golden = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));

/** The same values as tools/make-format-goldens.py. */
const ARRAYS: Readonly<Record<string, NpyInput>> = {
  f32: { dtype: 'f32', shape: [2, 3], data: Float32Array.of(-2, -0.5, 1, 2.5, 4, 5.5) },
  f16: { dtype: 'f16', shape: [1, 4], data: Uint16Array.of(0x3800, 0xbd00, 0x7bff, 0x7c00) },
  i32: { dtype: 'i32', shape: [5], data: Int32Array.of(-(2 ** 31), -1, 0, 7, 2 ** 31 - 1) },
  u8: { dtype: 'u8', shape: [2, 3, 4], data: Uint8Array.from({ length: 24 }, (_, i) => i) },
  scalar: { dtype: 'f32', shape: [], data: Float32Array.of(3.25) },
  empty: { dtype: 'f32', shape: [0, 4], data: new Float32Array() },
};

describe('an .npy file', () => {
  for (const [name, array] of Object.entries(ARRAYS)) {
    it(`has the bytes of numpy.save and is read back: ${name}`, () => {
      expect(Buffer.from(encodeNpy(array)).equals(golden(`${name}.npy`))).toBe(true);
      expect(decodeNpy(golden(`${name}.npy`))).toEqual(array);
    });
  }

  it('has the bytes of numpy.save and is read back: two arrays in one file, the first of i8', () => {
    const both: readonly NpyInput[] = [
      { dtype: 'i8', shape: [2, 3], data: Int8Array.of(-127, 0, 5, 127, -1, 64) },
      { dtype: 'f32', shape: [3], data: Float32Array.of(0.5, 2, 0.25) },
    ];
    expect(Buffer.concat(both.map(encodeNpy)).equals(golden('steps.npy'))).toBe(true);
    expect(decodeNpyList(golden('steps.npy'))).toEqual(both);
    expect(() => decodeNpyList(golden('steps.npy').subarray(0, -1))).toThrow('11 bytes of data for f32[3]');
    expect(decodeNpyList(new Uint8Array())).toEqual([]);
  });

  it('is read from any position, and without a copy from an aligned one', () => {
    const file = encodeNpy({ dtype: 'f32', shape: [2], data: Float32Array.of(1, 2) });
    const shifted = new Uint8Array(file.length + 1);
    shifted.set(file, 1);
    const unaligned = decodeNpy(shifted.subarray(1));
    expect(unaligned.data).toEqual(Float32Array.of(1, 2));
    const inBuffer = Buffer.alloc(file.length + 1, 0xff);
    inBuffer.set(file, 1);
    expect(decodeNpy(inBuffer.subarray(1)).data).toEqual(Float32Array.of(1, 2));
    expect(decodeNpy(file).data.buffer).toBe(file.buffer);
  });

  it('has a header of a multiple of 64 bytes for every shape', () => {
    for (const shape of [[1], [123456], [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]]) {
      const count = shape.reduce((a, b) => a * b);
      const file = encodeNpy({ dtype: 'u8', shape, data: new Uint8Array(count) });
      expect((file.length - count) % 64).toBe(0);
      expect(decodeNpy(file).shape).toEqual(shape);
    }
  });

  it('is not written from data that does not fit its type or shape', () => {
    expect(() => encodeNpy({ dtype: 'f32', shape: [3], data: new Float32Array(2) })).toThrow(InvalidInput);
    expect(() => encodeNpy({ dtype: 'f16', shape: [2], data: new Float32Array(2) })).toThrow(
      'f16 data in a Float32Array',
    );
    expect(() => encodeNpy({ dtype: 'u8', shape: [1.5], data: new Uint8Array(1) })).toThrow(InvalidInput);
    expect(() => encodeNpy({ dtype: 'u8', shape: [-1], data: new Uint8Array(1) })).toThrow(InvalidInput);
  });

  it('is refused with the reason when it is damaged or unsupported', () => {
    const file = golden('f32.npy');
    const broken = (change: (bytes: Uint8Array) => void) => {
      const copy = new Uint8Array(file);
      change(copy);
      return () => decodeNpy(copy);
    };
    expect(() => decodeNpy(new Uint8Array())).toThrow(Unprocessable);
    expect(broken(b => b.set([0], 0))).toThrow('magic');
    expect(broken(b => b.set([2], 6))).toThrow('version 2.0');
    expect(broken(b => b.set([0xff, 0xff], 8))).toThrow('cut short');
    expect(broken(b => b.set([0x78], 11))).toThrow('not understood');
    expect(() => decodeNpy(file.subarray(0, file.length - 1))).toThrow('23 bytes of data for f32[2, 3]');
    expect(() => decodeNpy(golden('fortran.npy'))).toThrow('Fortran order');
    expect(() => decodeNpy(golden('f64.npy'))).toThrow("type '<f8'");
    const huge = Buffer.from(file);
    huge.write('(99999999999999999999999,)', huge.indexOf('(2, 3)'), 'latin1');
    huge.write('}', huge.indexOf(',)') + 2, 'latin1');
    expect(() => decodeNpy(huge)).toThrow(Unprocessable);
  });
});
