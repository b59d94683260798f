/** @file A narrow EfficientNet with random weights, from tools/make-efficientnet-goldens.py. */
import { readFileSync } from 'node:fs';
import type { EfficientNet } from '../network.ts';

export const SMALL: EfficientNet = {
  name: 'efficientnet-small',
  stem: 4,
  stages: [
    { repeats: 1, kernel: 3, stride: 1, expand: 1, outputs: 4 },
    { repeats: 2, kernel: 5, stride: 2, expand: 2, outputs: 6 },
    { repeats: 1, kernel: 3, stride: 2, expand: 3, outputs: 5 },
  ],
  head: 7,
};

/** A file of testdata/: weights, inputs and results. @param name Without `.safetensors`. */
export function readGoldenFile(name: 'small' | 'lite0' | 'lite2'): Uint8Array {
  return readFileSync(new URL(`../testdata/${name}.safetensors`, import.meta.url));
}
