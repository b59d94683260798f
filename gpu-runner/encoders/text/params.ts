/** @file Parameters of text networks: names of transformers, shapes of files, values in graphs. */
import { Unprocessable } from '../../../errors.ts';
import { cast } from '../../compiler/functions.ts';
import type { Shape, Tensor } from '../../compiler/tensor.ts';
import type { Builder, Value } from '../../compiler/trace.ts';
import type { NetWeights } from './weights.ts';

/** Parameters in f32: those that are kept in bf16 are cast, and the cast goes away before a product in bf16. */
export function paramsOf(builder: Builder, state: Readonly<Record<string, Tensor>>): (name: string) => Value {
  return name => {
    const { shape, dtype } = state[name] ?? { shape: [], dtype: 'f32' };
    return cast(builder.state(name, { shape, dtype }), 'f32');
  };
}

export function requireShape(weights: NetWeights, name: string): Shape {
  const shape = weights.shapeOf(name);
  if (shape) return shape;
  throw new Unprocessable(`the weights have no tensor "${name}"`, {
    expected: 'the names of Hugging Face transformers',
  });
}

export function readFloats(weights: NetWeights, name: string, shape: Shape): Float32Array {
  return weights.read(name, shape).data as Float32Array;
}
