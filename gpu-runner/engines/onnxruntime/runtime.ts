/** @file The package onnxruntime-node, and conversion of tensors to and from it. */
import * as ort from 'onnxruntime-node';
import { GraphError } from '../../compiler/shapes.ts';
import type { DType, Tensor, TensorSpec } from '../../compiler/tensor.ts';

export { ort };

/**
 * Formats that the binding can pass. It cannot pass f16 and bf16: it has no bf16, and if JavaScript has a Float16Array,
 * it passes one that its native half does not read.
 */
const ORT_TYPES: Readonly<Partial<Record<DType, 'float32' | 'int32' | 'bool'>>> = {
  f32: 'float32',
  i32: 'int32',
  bool: 'bool',
};

/** Wraps a tensor for ONNX Runtime without a copy. @throws GraphError for f16 and bf16. */
export function toOrt(tensor: Tensor): ort.Tensor {
  const type = ORT_TYPES[tensor.dtype];
  if (type === undefined)
    throw new GraphError(`${tensor.dtype} cannot cross into ONNX Runtime: cast it inside the graph`);
  return new ort.Tensor(type, tensor.data as Float32Array, tensor.shape);
}

/** Wraps a tensor of ONNX Runtime without a copy. */
export function fromOrt(tensor: ort.Tensor, spec: TensorSpec): Tensor {
  return { shape: spec.shape, dtype: spec.dtype, data: tensor.data as Tensor['data'] };
}

/** @throws GraphError if a run did not return `name`. */
export function requireResult<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) throw new GraphError(`the run returned no "${name}"`);
  return value;
}
