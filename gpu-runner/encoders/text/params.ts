/** @file Parameters of text networks as values in graphs. */
import { cast } from '../../compiler/functions.ts';
import type { Tensor } from '../../compiler/tensor.ts';
import type { Builder, Value } from '../../compiler/trace.ts';

/** Parameters in f32: those that are kept in bf16 are cast, and the cast goes away before a product in bf16. */
export function paramsOf(builder: Builder, state: Readonly<Record<string, Tensor>>): (name: string) => Value {
  return name => {
    const { shape, dtype } = state[name] ?? { shape: [], dtype: 'f32' };
    return cast(builder.state(name, { shape, dtype }), 'f32');
  };
}
