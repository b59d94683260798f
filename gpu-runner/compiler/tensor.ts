/** @file Tensors on the host, and their types. */

export type DType = 'f32' | 'f16' | 'bf16' | 'i32' | 'bool';

/** Sizes of the axes, outermost first; [] is a scalar. */
export type Shape = readonly number[];

export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Elements on the host: a bool is a byte 0 or 1; f16 and bf16 are raw bits. */
export type TypedArray = Float32Array | Uint16Array | Int32Array | Uint8Array;

export interface Tensor extends TensorSpec {
  readonly data: TypedArray;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bf16: 2, i32: 4, bool: 1 };

const ARRAYS = { f32: Float32Array, f16: Uint16Array, bf16: Uint16Array, i32: Int32Array, bool: Uint8Array } as const;

export function emptyTensor(spec: TensorSpec): Tensor {
  return { shape: spec.shape, dtype: spec.dtype, data: new ARRAYS[spec.dtype](sizeOf(spec.shape)) };
}

/** f32 tensor over the given numbers. */
export function tensorOf(shape: Shape, values: ArrayLike<number>): Tensor {
  return { shape, dtype: 'f32', data: Float32Array.from(values) };
}

export function formatType(spec: TensorSpec): string {
  return `${spec.dtype}[${spec.shape.join(', ')}]`;
}
