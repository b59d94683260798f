/** @file The package onnxruntime-node, and tensors on their way into it and out of it. */
import * as ort from 'onnxruntime-node';
import { GraphError } from '../../compiler/shapes.ts';
import type { DType, Tensor, TensorSpec } from '../../compiler/tensor.ts';

export { ort };

/**
 * Formats that cross. Two bytes wide, none does: there is no bf16 outside of ONNX Runtime, and where JavaScript has a Float16Array the
 * package makes one of f16 bits, which its native half does not read.
 */
const ORT_TYPES: Readonly<Partial<Record<DType, 'float32' | 'int32' | 'bool'>>> = {
  f32: 'float32',
  i32: 'int32',
  bool: 'bool',
};

/** A tensor of ONNX Runtime over the same memory. @throws GraphError for f16 and bf16. */
export function toOrt(tensor: Tensor): ort.Tensor {
  const type = ORT_TYPES[tensor.dtype];
  if (type === undefined)
    throw new GraphError(`${tensor.dtype} cannot cross into ONNX Runtime: cast it inside the graph`);
  return new ort.Tensor(type, tensor.data as Float32Array, tensor.shape);
}

/** The other way, over the same memory too. */
export function fromOrt(tensor: ort.Tensor, spec: TensorSpec): Tensor {
  return { shape: spec.shape, dtype: spec.dtype, data: tensor.data as Tensor['data'] };
}

/** @throws GraphError when a run did not return what its program promises. */
export function requireResult<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) throw new GraphError(`the run returned no "${name}"`);
  return value;
}
