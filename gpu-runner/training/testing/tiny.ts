/** @file A model and pictures small enough for tests. */
import { type KeyedConfig, keyedConfigSchema } from '../../../configs/schema.ts';
import { RandomStream } from '../../../numerics/random-stream.ts';
import { createMemorySource, type TrainingItem, type TrainingSource } from '../source.ts';

type ConfigChanges = Partial<Record<'model' | 'objective' | 'optimizer' | 'data', object>>;

/** 16 x 16 pixels, one or two blocks of width 16, all four signals. */
export function tinyConfig(changes: ConfigChanges = {}): KeyedConfig {
  return keyedConfigSchema.parse({
    seed: 7,
    model: {
      hidden_size: 16,
      depth: 2,
      num_heads: 2,
      patch_size: 4,
      patch_overlap: 1,
      bottleneck: 8,
      conditions: {
        text: { encoder: 'words', dim: 6, tokens: 8 },
        cls: { encoder: 'dct', dim: 5 },
        patches: { encoder: 'dct', dim: 3, stride: 4 },
        pose: { joints: 133 },
      },
      ...changes.model,
    },
    objective: { cfg_dropout: { p_uncond: 0.2, p_text_only: 0.2 }, ...changes.objective },
    optimizer: { total_samples: 64, warmup_samples: 8, ...changes.optimizer },
    data: { batch_size: 4, ...changes.data },
  });
}

export function tinyItems(count = 10, height = 16, width = 16): TrainingItem[] {
  return Array.from({ length: count }, (_, i) => {
    const random = new RandomStream(i, 'sample');
    const normals = (size: number) => Float32Array.from({ length: size }, () => random.normal());
    const tokens = 1 + (i % 5);
    return {
      id: String(i).padStart(16, '0'),
      height,
      width,
      pixels: Uint8Array.from({ length: 3 * height * width }, () => random.below(256)),
      signals: {
        text: { rows: tokens, data: normals(tokens * 6) },
        cls: { rows: 5, data: normals(5) },
        patches: { rows: height / 4, data: normals((height / 4) * (width / 4) * 3) },
        pose: { rows: 133, data: Float32Array.from({ length: 133 * 3 }, () => random.uniform()) },
      },
    };
  });
}

/** {@link tinyItems} as the trainer reads them. */
export function tinySource(count?: number, height?: number, width?: number): TrainingSource {
  return createMemorySource(tinyItems(count, height, width));
}
