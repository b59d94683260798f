import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InvalidInput, Unprocessable } from '../errors.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
import type { EncodableTensor } from './tensor.ts';

const golden = new Uint8Array(readFileSync(new URL('testdata/mixed.safetensors', import.meta.url)));

/** The same values as tools/make-format-goldens.py. */
const TENSORS: Readonly<Record<string, EncodableTensor>> = {
  'z/f32': { dtype: 'f32', shape: [2, 3], data: Float32Array.of(-2, -0.5, 1, 2.5, 4, 5.5) },
  'z/f16': { dtype: 'f16', shape: [1, 4], data: Uint16Array.of(0x3800, 0xbd00, 0x7bff, 0x7c00) },
  'z/i32': { dtype: 'i32', shape: [5], data: Int32Array.of(-(2 ** 31), -1, 0, 7, 2 ** 31 - 1) },
  'z/u8': { dtype: 'u8', shape: [2, 3, 4], data: Uint8Array.from({ length: 24 }, (_, i) => i) },
  a: { dtype: 'u8', shape: [1], data: Uint8Array.of(9) },
  'b.mask': { dtype: 'bool', shape: [3], data: Uint8Array.of(1, 0, 1) },
  scalar: { dtype: 'f32', shape: [], data: Float32Array.of(3.25) },
  é: { dtype: 'f32', shape: [2], data: Float32Array.of(4, 5) },
};

/** A file with this header over `size` bytes of data. */
function fileOf(header: unknown, size: number): Uint8Array {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(size)]);
}

describe('a safetensors file', () => {
  it('has the bytes of the safetensors library and is read back', () => {
    expect(Buffer.from(encodeSafetensors(TENSORS, { format: 'np' })).equals(golden)).toBe(true);
    const { tensors, metadata } = decodeSafetensors(golden);
    expect(tensors).toEqual(TENSORS);
    expect(metadata).toEqual({ format: 'np' });
  });

  it('has equal bytes for every order of insertion', () => {
    const reversed = Object.fromEntries(Object.entries(TENSORS).reverse());
    const a = encodeSafetensors(TENSORS, { x: '1', y: '2' });
    const b = encodeSafetensors(reversed, { y: '2', x: '1' });
    expect(Buffer.from(a).equals(b)).toBe(true);
  });

  it('is read as views', () => {
    const file = encodeSafetensors(TENSORS);
    for (const tensor of Object.values(decodeSafetensors(file).tensors)) expect(tensor.data.buffer).toBe(file.buffer);
  });

  it('can have no tensors, and names that objects treat specially', () => {
    expect(decodeSafetensors(encodeSafetensors({}))).toEqual({ tensors: {}, metadata: {} });
    const odd = Object.fromEntries([
      ['__proto__', TENSORS.a],
      ['7', TENSORS.scalar],
    ]) as typeof TENSORS;
    expect(Object.keys(decodeSafetensors(encodeSafetensors(odd)).tensors).sort()).toEqual(['7', '__proto__']);
  });

  it('is not written from data that does not fit its type or shape', () => {
    expect(() => encodeSafetensors({ x: { dtype: 'f32', shape: [3], data: new Float32Array(2) } })).toThrow(
      InvalidInput,
    );
    expect(() => encodeSafetensors({ x: { dtype: 'bf16', shape: [2], data: new Float32Array(2) } })).toThrow('"x"');
  });

  const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });
  const cases: Readonly<Record<string, readonly [file: Uint8Array, message: string]>> = {
    'no length': [new Uint8Array(7), 'shorter than its length field'],
    'a header beyond the file': [Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 0x7b), 'cut short'],
    'an absurd length': [new Uint8Array(16).fill(0xff), 'a header of'],
    'a header that is not JSON': [fileOf('{"a"', 0), 'not JSON'],
    'a header that is not UTF-8': [
      Buffer.concat([Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), Uint8Array.of(0xff)]),
      'not JSON',
    ],
    'a list as header': [fileOf([], 0), 'not a JSON object'],
    'a hole': [fileOf({ a: f32(0, 4), b: f32(8, 12) }, 12), '"b" begins at byte 8 where 4 was expected'],
    'an overlap': [fileOf({ a: f32(0, 8), b: f32(4, 12) }, 12), '"b" begins at byte 4 where 8 was expected'],
    'data after the last': [fileOf({ a: f32(0, 4) }, 8), 'end at byte 4 of 8'],
    'an end beyond the file': [fileOf({ a: f32(0, 8) }, 4), 'ends at byte 8 of 4'],
    'a wrong shape': [fileOf({ a: f32(0, 8, [3]) }, 8), 'which takes 12'],
    'a negative size': [fileOf({ a: f32(0, 4, [-1, -1]) }, 4), 'no shape'],
    'an end before its begin': [fileOf({ a: f32(4, 0, [1]) }, 4), 'begins after its end'],
    'an unknown type': [fileOf({ a: { ...f32(0, 8), dtype: 'F64' } }, 8), '"F64"'],
    'an unknown field': [fileOf({ a: { ...f32(0, 4), more: 1 } }, 4), '"more"'],
    'metadata of numbers': [fileOf({ __metadata__: { a: 1 } }, 0), 'not a string'],
  };
  for (const [name, [file, message]] of Object.entries(cases)) {
    it(`is refused with ${name}`, () => {
      expect(() => decodeSafetensors(file)).toThrow(Unprocessable);
      expect(() => decodeSafetensors(file)).toThrow(message);
    });
  }
});
