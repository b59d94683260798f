/**
 * @file The image encoders `efficientnet-lite0` and `efficientnet-lite2`: features of networks that know the classes of
 * ImageNet. They run in the gpu-runner (gpu-runner/encoders/efficientnet-lite.ts). `cls` holds the pooled features of
 * the whole picture, `patches` those of a stage in the middle of the network, of variance about 1.
 */
import { z } from 'zod';
import { defineEncoder } from './encoder.ts';

const CLS_DIM = 1280;

const STRIDES = [4, 8, 16] as const;

const options = z.strictObject({
  stride: z.literal(STRIDES).default(8).describe('pixels per patch; 16 takes a quarter of the time of 8'),
});

const defineEfficientnet = (name: string, patchDim: number) =>
  defineEncoder({
    name,
    version: 1,
    reads: 'image',
    options,
    makes: {
      cls: () => ({ dim: CLS_DIM }),
      patches: ({ stride }) => ({ dim: patchDim, stride }),
    },
    // The stride does not change `cls`. Without patches, 16 costs least.
    optionsOf: ({ patches }) => ({ stride: STRIDES.find(stride => stride === patches?.stride) ?? 16 }),
    weights: ['model'],
    runs: 'runner',
  });

export const efficientnetEncoders = [
  defineEfficientnet('efficientnet-lite0', 112),
  defineEfficientnet('efficientnet-lite2', 120),
];
