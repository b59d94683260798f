/**
 * @file The table of encoders that run on an engine, by name. Other encoders run in the server (functions/encoders/).
 */
import { CLIP_ENCODERS } from './clip.ts';
import { DINO_ENCODERS } from './dino.ts';
import { dwpose } from './dwpose.ts';
import { EFFICIENTNET_ENCODERS } from './efficientnet-lite.ts';
import type { RunnerEncoder } from './encoder.ts';
import { minilmL6 } from './minilm-l6.ts';
import { onnxClassifier } from './onnx-classifier.ts';
import { onnxFeatures } from './onnx-features.ts';
import { T5_ENCODERS } from './t5.ts';

export type RunnerEncoders = Readonly<Record<string, RunnerEncoder>>;

export const RUNNER_ENCODERS: RunnerEncoders = {
  ...CLIP_ENCODERS,
  ...DINO_ENCODERS,
  dwpose,
  ...T5_ENCODERS,
  ...EFFICIENTNET_ENCODERS,
  'minilm-l6': minilmL6,
  'onnx-classifier': onnxClassifier,
  'onnx-features': onnxFeatures,
};
