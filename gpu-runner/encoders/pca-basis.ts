/** @file Reduces the vectors of patches to their principal components, which are stored in steps. */
import { Unprocessable } from '../../errors.ts';
import { decodeSafetensors } from '../../formats/safetensors.ts';
import { linear } from '../compiler/composites.ts';
import { sub } from '../compiler/functions.ts';
import type { Tensor } from '../compiler/tensor.ts';
import type { Value } from '../compiler/trace.ts';
import type { OpenEncoder } from './encoder.ts';

/** Names of the state that {@link reducePatches} reads. */
const STATE = { mean: 'pca.mean', basis: 'pca.basis' } as const;

export interface PcaBasis {
  readonly state: readonly (readonly [name: string, tensor: Tensor])[];
  /** One for each component. */
  readonly steps: Float32Array;
}

/** @param files The blob that `fit-pca` makes. @throws Unprocessable if it is none, or of vectors of another width. */
export function readBasis(encoder: string, files: readonly Uint8Array[], dim: number, count: number): PcaBasis {
  const [file] = files;
  const { mean, basis, steps } = file && files.length === 1 ? decodeSafetensors(file).tensors : {};
  const isSized = (tensor: typeof mean, ...shape: readonly number[]) => tensor?.shape.join() === shape.join();
  if (
    mean?.dtype === 'f32' &&
    basis?.dtype === 'f32' &&
    steps?.dtype === 'f32' &&
    isSized(mean, dim) &&
    isSized(basis, dim, count) &&
    isSized(steps, count)
  ) {
    return {
      state: [
        [STATE.mean, { shape: [dim], dtype: 'f32', data: mean.data }],
        [STATE.basis, { shape: [dim, count], dtype: 'f32', data: basis.data }],
      ],
      steps: steps.data.slice(),
    };
  }
  throw new Unprocessable(`the weights "pca" of ${encoder} are no basis for its vectors`, {
    expected: `mean f32[${dim}], basis f32[${dim}, ${count}] and steps f32[${count}], as fit-pca makes them`,
  });
}

/** [..., dim] -> [..., count]: coordinates along the components, from the mean. */
export function reducePatches(patches: Value, count: number): Value {
  const { builder, shape } = patches;
  const dim = shape.at(-1) ?? 0;
  const mean = builder.state(STATE.mean, { shape: [dim], dtype: 'f32' });
  const basis = builder.state(STATE.basis, { shape: [dim, count], dtype: 'f32' });
  return linear(sub(patches, mean), basis);
}

/** The encoder with patches that are stored in steps. */
export function storeInSteps(encoder: OpenEncoder, steps: Float32Array): OpenEncoder {
  return {
    async encode(inputs) {
      const encoded = await encoder.encode(inputs);
      return encoded.map(signals => ({
        ...signals,
        ...(signals.patches && { patches: { ...signals.patches, steps } }),
      }));
    },
    dispose: () => encoder.dispose(),
  };
}
