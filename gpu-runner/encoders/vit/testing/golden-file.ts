/** @file Small networks with random weights and their results, from testdata/make-dino-goldens.py. */
import { readFileSync } from 'node:fs';
import { decodeSafetensors } from '../../../../formats/safetensors.ts';
import type { EncodableTensor } from '../../../../formats/tensor.ts';
import type { Tensor } from '../../../compiler/tensor.ts';
import type { VitKind } from '../pack-weights.ts';

export const SMALL_V3 = { hidden: 24, heads: 2, epsilon: 1e-5, rotaryBase: 100 } as const satisfies VitKind;
export const SMALL_V2 = { hidden: 16, heads: 2, epsilon: 1e-6 } as const satisfies VitKind;

/** The weights of a file of testdata/ under the names of the hub, and its other tensors as f32. */
export function readGoldenFile(name: string) {
  const { tensors } = decodeSafetensors(readFileSync(new URL(`../testdata/${name}.safetensors`, import.meta.url)));
  const weights: Record<string, EncodableTensor> = {};
  const others: Record<string, Tensor> = {};
  for (const [key, tensor] of Object.entries(tensors)) {
    if (key.startsWith('weights/')) weights[key.slice('weights/'.length)] = tensor;
    else others[key] = { shape: tensor.shape, dtype: 'f32', data: Float32Array.from(tensor.data) };
  }
  return { weights, others };
}
