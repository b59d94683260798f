/** @file Finds the joints of the person in each picture. */
import { definePageFunction } from './define.ts';
import { dwposeEncoder } from './encoders/dwpose.ts';
import { encodeStage } from './encoders/encode-stage.ts';

const WEIGHT = 'sha256:0000000000000000000000000000000000000000000000000000000000000000';

export const detectPose = definePageFunction(
  encodeStage(
    {
      name: 'detect-pose',
      summary: 'Finds the 133 joints of the largest person in each picture (pose), by DWPose.',
      version: 1,
      reads: 'image',
      usual: dwposeEncoder.name,
      example: {
        dataset: 'portraits',
        engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 2 },
        weights: { detector: [WEIGHT], pose: [WEIGHT] },
      },
    },
    [dwposeEncoder],
  ),
);
