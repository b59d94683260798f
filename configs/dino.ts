/** @file The vision transformers DINOv3 (arXiv 2508.10104) and DINOv2 (arXiv 2304.07193), which describe pictures. */
import { z } from 'zod';
import { LONGEST_SIDE } from './bounds.ts';

export interface DinoNet {
  /** Of its encoder, and of its weights in the store. */
  readonly name: string;
  /** Pixels of the side of a patch. */
  readonly patch: number;
  /** Numbers of a token. */
  readonly hidden: number;
  readonly blocks: number;
  readonly heads: number;
  /** Of the layer norms. */
  readonly epsilon: number;
  /** Base of the wave lengths of rotary positions; absent: positions are a learned table. */
  readonly rotaryBase?: number;
}

const SIZES = {
  vits: { hidden: 384, blocks: 12, heads: 6 },
  vitb: { hidden: 768, blocks: 12, heads: 12 },
  vitl: { hidden: 1024, blocks: 24, heads: 16 },
} as const;

const DINOV3 = { patch: 16, epsilon: 1e-5, rotaryBase: 100 } as const;
const DINOV2 = { patch: 14, epsilon: 1e-6 } as const;

/** Largest first: the first one is the seed's. */
export const DINO_NETS = [
  { name: 'dinov3-vitl16', ...SIZES.vitl, ...DINOV3 },
  { name: 'dinov3-vitb16', ...SIZES.vitb, ...DINOV3 },
  { name: 'dinov3-vits16', ...SIZES.vits, ...DINOV3 },
  { name: 'dinov2-vitl14', ...SIZES.vitl, ...DINOV2 },
  { name: 'dinov2-vitb14', ...SIZES.vitb, ...DINOV2 },
  { name: 'dinov2-vits14', ...SIZES.vits, ...DINOV2 },
] as const satisfies readonly DinoNet[];

/** A patch of DINOv3. The other networks see the picture at a size at which one of their patches is such a cell. */
export const DINO_STRIDE = 16;

/** Numbers of a patch when it is reduced. */
export const DINO_PCA_DIM = 256 as const;

/** Options of the encoder of a network. */
export function dinoOptions({ name, patch, blocks }: DinoNet) {
  const isSum = (layers: string) => layers === 'last' || Number(layers.slice('sum_'.length)) <= blocks;
  return z.strictObject({
    stride: z
      .int()
      .min(4)
      .max(LONGEST_SIDE)
      .default(DINO_STRIDE)
      .describe(
        `pixels per patch, which divide both sides of every bucket; the picture is resized so that a patch of ` +
          `${patch} pixels covers them`,
      ),
    layers: z
      .string()
      .regex(/^(last|sum_([2-9]|[1-9][0-9]))$/, { error: 'expected last, or sum_K with K from 2' })
      .refine(isSum, { error: `expected at most sum_${blocks}: ${name} has ${blocks} blocks` })
      .default('last')
      .describe('last: the tokens behind the last block; sum_K: the sum over the last K blocks, each normalized'),
    pca: z
      .literal(DINO_PCA_DIM)
      .optional()
      .describe('numbers per patch, stored as int8; needs weights.pca, which fit-pca makes. Absent: all, as float16'),
  });
}

export type DinoOptions = z.output<ReturnType<typeof dinoOptions>>;

/** How many of the last blocks are summed; 1: the last one alone. */
export function summedBlocks(layers: string): number {
  return layers === 'last' ? 1 : Number(layers.slice('sum_'.length));
}
