/**
 * @file NumPy's .npy, format version 1.0 (numpy/lib/format.py): C order, little-endian, the same bytes as `numpy.save`
 * writes.
 */
import { InvalidInput, Unprocessable } from '../errors.ts';
import {
  bytesOfTensor,
  bytesPerElement,
  countElements,
  type DecodedTensor,
  type EncodableTensor,
  tensorOverBytes,
} from './tensor.ts';

const DESCRIPTORS = { u8: '|u1', i8: '|i1', i32: '<i4', f32: '<f4', f16: '<f2' } as const;

export type NpyType = keyof typeof DESCRIPTORS;
/** Input of {@link encodeNpy}; f16 as bits in a Uint16Array. */
export type NpyInput = EncodableTensor & { readonly dtype: NpyType };
/** Result of {@link decodeNpy}: `dtype` tells the type of `data`. */
export type NpyArray = DecodedTensor<NpyType>;

const MAGIC = '\x93NUMPY';
/** Magic, version and the length of the header. */
const PREAMBLE_BYTES = 10;
/** The data starts at a multiple of this (ARRAY_ALIGN). */
const ALIGNMENT = 64;
/** NumPy leaves room for the first axis to grow to this many digits (GROWTH_AXIS_MAX_DIGITS). */
const GROWTH_DIGITS = 21;
const HEADER = /^\{'descr': '([^']*)', 'fortran_order': (True|False), 'shape': \(((?:\d+, )*(?:\d+,?)?)\),? ?\} *\n?$/;

/** @throws InvalidInput when array, type and shape disagree. */
export function encodeNpy(array: NpyInput): Uint8Array {
  const data = bytesOfTensor(array, 'npy');
  const { bytes, start } = startNpy(array.dtype, array.shape);
  bytes.set(data, start);
  return bytes;
}

/**
 * A file with its header and zeros. The data, which begins at the byte `start`, is to be written into it.
 * @param room Memory for the file, instead of zeros, if it is large enough.
 */
export function startNpy(
  dtype: NpyType,
  shape: readonly number[],
  room?: Uint8Array,
): { readonly bytes: Uint8Array; readonly start: number } {
  const header = headerOf(dtype, shape);
  const size = header.length + dataBytes(dtype, shape);
  const bytes = room && room.length >= size ? room.subarray(0, size) : new Uint8Array(size);
  bytes.set(Buffer.from(header, 'latin1'));
  return { bytes, start: header.length };
}

/** Bytes of a file. */
export function npyBytes(dtype: NpyType, shape: readonly number[]): number {
  return headerOf(dtype, shape).length + dataBytes(dtype, shape);
}

function dataBytes(dtype: NpyType, shape: readonly number[]): number {
  return countElements(shape) * bytesPerElement(dtype);
}

/** All before the data, as latin1. */
function headerOf(dtype: NpyType, shape: readonly number[]): string {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const growth = shape.length === 0 ? 0 : GROWTH_DIGITS - String(shape[0]).length;
  const fields = `{'descr': '${DESCRIPTORS[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const dictionary = fields + ' '.repeat(growth);
  // As in NumPy, an aligned header is padded by another 64 bytes.
  const padding = ALIGNMENT - ((PREAMBLE_BYTES + dictionary.length + 1) % ALIGNMENT);
  const header = `${dictionary}${' '.repeat(padding)}\n`;
  if (header.length > 0xffff) throw new InvalidInput(`npy: ${shape.length} axes do not fit a header of version 1.0`);
  return `${MAGIC}\x01\x00${String.fromCharCode(header.length & 0xff, header.length >> 8)}${header}`;
}

export interface NpyHeader {
  readonly dtype: NpyType;
  readonly shape: readonly number[];
  /** Byte at which the data begins. */
  readonly start: number;
}

/** Reads the header at the start of a file. @throws Unprocessable when the file is not .npy or is truncated. */
export function readNpyHeader(bytes: Uint8Array): NpyHeader {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < PREAMBLE_BYTES || file.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new Unprocessable('npy: the file does not start with the magic string of NumPy');
  }
  const [major, minor] = [file.readUInt8(6), file.readUInt8(7)];
  if (major !== 1 || minor !== 0) {
    throw new Unprocessable(`npy: format version ${major}.${minor}`, { expected: 'version 1.0, as numpy.save writes' });
  }
  const start = PREAMBLE_BYTES + file.readUInt16LE(8);
  if (file.length < start) throw new Unprocessable('npy: the header is cut short');
  return { ...parseHeader(file.toString('latin1', PREAMBLE_BYTES, start)), start };
}

/**
 * Arrays one after the other, as several calls of `numpy.save` write them to one open file, and several of `numpy.load`
 * read them. @throws Unprocessable
 */
export function decodeNpyList(bytes: Uint8Array): NpyArray[] {
  const arrays: NpyArray[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { dtype, shape, start } = readNpyHeader(bytes.subarray(at));
    const end = at + start + dataBytes(dtype, shape);
    arrays.push(decodeNpy(bytes.subarray(at, end)));
    at = end;
  }
  return arrays;
}

/** A view into `bytes` if the alignment allows it. @throws Unprocessable when the file is not .npy or is truncated. */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  const { dtype, shape, start } = readNpyHeader(bytes);
  const expectedBytes = dataBytes(dtype, shape);
  if (bytes.length - start !== expectedBytes) {
    throw new Unprocessable(`npy: ${bytes.length - start} bytes of data for ${dtype}[${shape.join(', ')}]`, {
      expected: `${expectedBytes} bytes`,
    });
  }
  return tensorOverBytes(dtype, shape, bytes.subarray(start));
}

function parseHeader(header: string): { readonly dtype: NpyType; readonly shape: readonly number[] } {
  const match = HEADER.exec(header);
  if (!match) {
    throw new Unprocessable(`npy: the header ${JSON.stringify(header.trim().slice(0, 200))} is not understood`, {
      expected: "{'descr': ..., 'fortran_order': False, 'shape': (...), }",
    });
  }
  const [, descriptor = '', order, tuple = ''] = match;
  const dtype = isNpyType(descriptor);
  if (dtype === undefined) {
    throw new Unprocessable(`npy: elements of type '${descriptor}'`, {
      expected: `one of ${Object.values(DESCRIPTORS).join(', ')}`,
      hint: 'convert with array.astype(numpy.float32)',
    });
  }
  if (order === 'True') {
    throw new Unprocessable('npy: Fortran order', { expected: 'C order', hint: 'numpy.ascontiguousarray makes it so' });
  }
  const shape = tuple
    .split(',')
    .map(size => size.trim())
    .filter(size => size !== '')
    .map(Number);
  if (!shape.every(Number.isSafeInteger)) throw new Unprocessable(`npy: the shape (${tuple}) is too large`);
  return { dtype, shape };
}

function isNpyType(descriptor: string): NpyType | undefined {
  const types: readonly NpyType[] = ['u8', 'i8', 'i32', 'f32', 'f16'];
  return types.find(type => DESCRIPTORS[type] === descriptor);
}
