/**
 * @file The image encoder `efficientnet-lite0`: features of a network that knows the classes of ImageNet. It runs in
 * the gpu-runner (gpu-runner/encoders/efficientnet-lite0.ts). `cls` holds the pooled features of the whole picture,
 * `patches` those of a stage in the middle of the network, of variance about 1.
 */
import { z } from 'zod';
import { defineEncoder } from './encoder.ts';

const CLS_DIM = 1280;
const PATCH_DIM = 112;

const STRIDES = [4, 8, 16] as const;

export const efficientnetEncoder = defineEncoder({
  name: 'efficientnet-lite0',
  version: 1,
  reads: 'image',
  options: z.strictObject({
    stride: z.literal(STRIDES).default(8).describe('pixels per patch; 16 takes a quarter of the time of 8'),
  }),
  makes: {
    cls: () => ({ dim: CLS_DIM }),
    patches: ({ stride }) => ({ dim: PATCH_DIM, stride }),
  },
  // The stride does not change `cls`. Without patches, 16 costs least.
  optionsOf: ({ patches }) => ({ stride: STRIDES.find(stride => stride === patches?.stride) ?? 16 }),
  weights: ['model'],
  runs: 'runner',
});
