/** @file Low-rank adaptation (LoRA, arXiv 2106.09685): which matrices of a model get a trained change of low rank. */
import { z } from 'zod';
import { LARGEST_FLOAT, WIDEST } from './bounds.ts';
import { patternsSchema } from './name-patterns.ts';

/** The matrices in the blocks: attention and MLP. */
const BLOCK_MATRICES = ['blocks.*.attn.*', 'blocks.*.cross.*', 'blocks.*.mlp.*'];

export const loraSchema = z.strictObject({
  /** r: columns of the first thin matrix, and rows of the second. */
  rank: z.int().min(1).max(WIDEST).default(16),
  /** A matrix W becomes W + (alpha / rank) A B. */
  alpha: z.number().positive().max(LARGEST_FLOAT).default(16),
  /** Names of the matrices, with * for any characters; default: all in the blocks. */
  targets: patternsSchema.min(1).optional(),
});
export type LoraConfig = z.infer<typeof loraSchema>;

export const loraTargets = ({ targets = BLOCK_MATRICES }: LoraConfig): readonly string[] => targets;
