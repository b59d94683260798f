/** @file The weights of another training as the start of this one. */
import { matchesAny } from '../../configs/name-patterns.ts';
import { Unprocessable } from '../../errors.ts';
import type { Tensors } from '../compiler/engine.ts';
import { formatType, type Tensor } from '../compiler/tensor.ts';

/**
 * The initial weights of this training, with those of the other one in place of all that it has. A parameter with more
 * rows than the other one has, as the positions of a longer text, keeps its drawn rows beyond.
 * @param drawn Initial weights without another training. @param fresh Patterns of parameters that stay as drawn.
 * @throws Unprocessable for a parameter of another shape, and when no parameter is taken over.
 */
export function takeOver(drawn: Tensors, weights: Tensors, fresh: readonly string[]): Record<string, Tensor> {
  let taken = 0;
  const start = Object.entries(drawn).map(([name, tensor]) => {
    const other = weights[name];
    if (other === undefined || matchesAny(fresh, name)) return [name, tensor] as const;
    taken++;
    return [name, placeOver(name, tensor, other)] as const;
  });
  if (taken > 0) return Object.fromEntries(start);
  throw new Unprocessable('init_from: the checkpoint has no parameter that this training takes over', {
    expected: 'patterns under init_from.fresh that leave at least one parameter',
  });
}

function placeOver(name: string, drawn: Tensor, other: Tensor): Tensor {
  const [rows = 0, ...axes] = other.shape;
  const [places = 0, ...expected] = drawn.shape;
  if (drawn.shape.length !== other.shape.length || axes.join() !== expected.join() || rows > places) {
    throw new Unprocessable(`init_from: the checkpoint has ${name} as ${formatType(other)}`, {
      expected: formatType(drawn),
      hint: `leave the key of the model that decides it as it was, or draw the parameter anew: init_from.fresh: ["${name}"]`,
    });
  }
  if (rows === places) return other;
  const data = Float32Array.from(drawn.data);
  data.set(other.data);
  return { ...drawn, data };
}
