/** @file Tensors of file formats: an element type, a shape, and little-endian bytes in C order. */
import { InvalidInput } from '../errors.ts';
import { fromBf16Bits, widenF16 } from './half.ts';

/** `bool` is one byte of 0 or 1; `f16` and `bf16` are their bits. */
export type ElementType = 'u8' | 'i8' | 'bool' | 'i32' | 'f32' | 'f16' | 'bf16';

export type ElementArray = Uint8Array | Int8Array | Int32Array | Float32Array | Uint16Array;

/** Input of the encoders. They check that `data` is the array type that {@link ArrayOf} names. */
export interface EncodableTensor {
  readonly dtype: ElementType;
  /** Sizes of the axes, outermost first; [] is a scalar. */
  readonly shape: readonly number[];
  readonly data: ElementArray;
}

export interface ArrayOf {
  readonly u8: Uint8Array;
  readonly i8: Int8Array;
  readonly bool: Uint8Array;
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly f16: Uint16Array;
  readonly bf16: Uint16Array;
}

/** Result of the decoders: `dtype` tells the type of `data`. */
export type DecodedTensor<T extends ElementType = ElementType> = {
  readonly [K in T]: { readonly dtype: K; readonly shape: readonly number[]; readonly data: ArrayOf[K] };
}[T];

const ARRAYS = {
  u8: Uint8Array,
  i8: Int8Array,
  bool: Uint8Array,
  i32: Int32Array,
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
} as const;

export function bytesPerElement(dtype: ElementType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** Product of the sizes. @throws InvalidInput when a size is not a non-negative integer or the product is not exact. */
export function countElements(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new InvalidInput(`[${shape.join(', ')}] is not a shape`, { expected: 'non-negative integers' });
    }
    count *= size;
  }
  if (!Number.isSafeInteger(count)) throw new InvalidInput(`the shape [${shape.join(', ')}] is too large`);
  return count;
}

/** A view of the bytes of a tensor. @throws InvalidInput when array, type and shape disagree. */
export function bytesOfTensor(tensor: EncodableTensor, what: string): Uint8Array {
  const { dtype, shape, data } = tensor;
  const expected = ARRAYS[dtype];
  if (!(data instanceof expected)) {
    throw new InvalidInput(`${what}: ${dtype} data in a ${data.constructor.name}`, { expected: `a ${expected.name}` });
  }
  const count = countElements(shape);
  if (data.length !== count) {
    throw new InvalidInput(`${what}: ${data.length} elements for the shape [${shape.join(', ')}]`, {
      expected: `${count} elements`,
    });
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The numbers of a tensor of floats in f32, without a copy if they are stored so; undefined for another type. */
export function toFloat32({ dtype, data }: DecodedTensor): Float32Array | undefined {
  if (dtype === 'f32') return data;
  if (dtype === 'bf16') return Float32Array.from(data, fromBf16Bits);
  if (dtype !== 'f16') return undefined;
  const wide = new Float32Array(data.length);
  widenF16(data, wide, 0);
  return wide;
}

/** A tensor from stored bytes: a view if the alignment allows it, otherwise a copy. `bytes` has exactly its length. */
export function tensorOverBytes<T extends ElementType>(
  dtype: T,
  shape: readonly number[],
  bytes: Uint8Array,
): DecodedTensor<T> {
  const make: new (buffer: ArrayBufferLike, byteOffset: number, length: number) => ElementArray = ARRAYS[dtype];
  const width = bytesPerElement(dtype);
  // Copies into a new Uint8Array: slice() of a Buffer would be a view.
  const { buffer, byteOffset } = bytes.byteOffset % width === 0 ? bytes : new Uint8Array(bytes);
  const data = new make(buffer, byteOffset, bytes.length / width);
  // The table gives each type its array; TypeScript cannot infer that through a generic key.
  return { dtype, shape, data } as unknown as DecodedTensor<T>;
}
