/** @file Networks of the product's model as in training, with captions of up to 32 words and picture features. */
import { type KeyedConfig, keyedConfigSchema } from '../configs/schema.ts';
import type { BatchShape } from '../gpu-runner/model/batch.ts';
import { traceGradGraph } from '../gpu-runner/training/grad-graph.ts';
import type { NetOptions } from './lab-net.ts';

export interface ModelNet {
  readonly config: KeyedConfig;
  readonly shape: BatchShape;
}

function describeNet(model: object, pixels: number, batch: number): ModelNet {
  const conditions = {
    text: { encoder: 'words', dim: 192, tokens: 64 },
    cls: { encoder: 'dct', dim: 64 },
    patches: { encoder: 'dct', dim: 27, stride: 8 },
  };
  return {
    config: keyedConfigSchema.parse({ model: { ...model, conditions }, data: { batch_size: batch } }),
    shape: { batch, height: pixels, width: pixels, textTokens: 32 },
  };
}

export const MODEL_NETS = {
  /** The network of the demo: width 192, depth 6, 64 tokens, batch 64. */
  demo: describeNet({}, 64, 64),
  /** The network of the demo with cross-attention to the context. */
  'demo-cross': describeNet({ arch: 'cross' }, 64, 64),
  /** The network of the demo with width 256, batch 32. */
  'demo-256': describeNet({ hidden_size: 256, num_heads: 4 }, 64, 32),
  /** Width 384, depth 12, 256 tokens, batch 4. */
  small: describeNet({ hidden_size: 384, num_heads: 6, depth: 12 }, 128, 4),
  /** Width 64, depth 2, 16 tokens, batch 4: for engines in software. */
  tiny: describeNet({ hidden_size: 64, num_heads: 2, depth: 2 }, 32, 4),
  /** Production with few tokens: width 768, depth 18, 256 tokens of 16 pixels, batch 1. */
  'prod-256': describeNet({ hidden_size: 768, num_heads: 12, depth: 18, patch_size: 16 }, 256, 1),
  /**
   * Production: width 768, depth 18, 1,024 tokens of 16 pixels, batch 1. Only for compiling and predicting: a step
   * takes minutes on two cores.
   */
  prod: describeNet({ hidden_size: 768, num_heads: 12, depth: 18, patch_size: 16 }, 512, 1),
} as const;

export const traceModelNet = ({ config, shape }: ModelNet, { remat = false }: NetOptions = {}) =>
  traceGradGraph(config, shape, { accumulate: false, remat });
