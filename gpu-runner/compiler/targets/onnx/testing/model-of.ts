/** @file Small ONNX models for tests. */
import { type Shape, sizeOf } from '../../../tensor.ts';
import { encodeModel, type OnnxAttribute, type OnnxInitializer, type OnnxNode } from '../model.ts';

/** A title, and a model with the input `x` and the output `y`. */
export type ModelCase = readonly [title: string, model: Uint8Array];

/** Numbers from -1 to 1. */
export function fill(shape: Shape, seed: number): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(7 * seed + 1.7 * i + 0.3 * i * i));
}

export const ints = (name: string, values: readonly number[], shape: Shape = [values.length]): OnnxInitializer => ({
  name,
  type: 'i64',
  shape,
  bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
});
export const floats = (name: string, shape: Shape, seed = 9, change = (x: number) => x): OnnxInitializer => ({
  name,
  type: 'f32',
  shape,
  bytes: new Uint8Array(fill(shape, seed).map(change).buffer),
});
export const node = (
  type: string,
  inputs: string,
  outputs: string,
  attributes: Readonly<Record<string, OnnxAttribute>> = {},
): OnnxNode => ({
  type,
  inputs: inputs.split(' ').map(name => name.replace('-', '')),
  outputs: outputs.split(' '),
  attributes,
});

/** A model with the input `x` and the output `y`, both f32. */
export function modelOf(
  x: Shape,
  y: Shape,
  nodes: readonly OnnxNode[],
  initializers: readonly OnnxInitializer[] = [],
  opset = 17,
): Uint8Array {
  return encodeModel({
    nodes,
    initializers,
    inputs: [['x', { shape: x, dtype: 'f32' }]],
    outputs: [['y', { shape: y, dtype: 'f32' }]],
    opset,
  });
}

export const P: Shape = [2, 4, 9, 7];
