/** @file Conditions as the encoders of production make them: T5-Large, DINOv3 ViT-L/16 and DWPose. */
import type { Conditions } from './signals.ts';

/** Text of 512 tokens, a CLS vector, a feature every 16 pixels, and 133 joints; vectors have 1,024 numbers. */
export const SEED_CONDITIONS: Conditions = {
  text: { encoder: 't5-large', dim: 1024, tokens: 512 },
  cls: { encoder: 'dinov3-vitl16', dim: 1024, norm: 'rms' },
  patches: { encoder: 'dinov3-vitl16', dim: 1024, stride: 16, norm: 'rms' },
  pose: { joints: 133, threshold: 0.05 },
};
