/** @file How the members of a shard are written. */
import { z } from 'zod';

export const shardShape = {
  pixels: z
    .enum(['uint8', 'float16'])
    .default('uint8')
    .describe('type of image.npy: as stored, or from 0 to 1 as in the shards of the original project'),
  text: z
    .enum(['trimmed', 'padded'])
    .default('trimmed')
    .describe('rows of t5h.npy: those of its tokens, or as many as the encoder reads, with zeros after the text'),
  pose: z
    .enum(['float16', 'float32'])
    .optional()
    .describe('type of pose.npy; default: float16 with pixels float16, as in the original, else float32 as stored'),
};

export interface ShardOptions {
  readonly pixels: 'uint8' | 'float16';
  readonly text: 'trimmed' | 'padded';
  readonly pose: 'float16' | 'float32';
}

export function completeShardOptions({
  pixels,
  text,
  pose,
}: Pick<ShardOptions, 'pixels' | 'text'> & { readonly pose?: ShardOptions['pose'] | undefined }): ShardOptions {
  return { pixels, text, pose: pose ?? (pixels === 'float16' ? 'float16' : 'float32') };
}
