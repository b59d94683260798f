/**
 * @file Gradient checkpointing: the backward pass computes the inside of blocks again, so that the forward pass need
 * not keep it. Each recomputed block costs a third of its time, and saves nearly all of its activations.
 */
import { z } from 'zod';
import { DEEPEST } from './bounds.ts';

/** false: no block is computed again. true: every block. k: every k-th block, the first among them. */
export const checkpointingSchema = z.union([z.boolean(), z.int().min(2).max(DEEPEST)]);
export type GradientCheckpointing = z.infer<typeof checkpointingSchema>;

/** As people write it: none and full are false and true. */
export const askedCheckpointingSchema = z.union([checkpointingSchema, z.enum(['none', 'full'])]);

export function checkpointingOf(asked: z.infer<typeof askedCheckpointingSchema>): GradientCheckpointing {
  return typeof asked === 'string' ? asked === 'full' : asked;
}

/** Whether the block, counted from 0, is computed again. */
export function recomputes(mode: GradientCheckpointing, block: number): boolean {
  return typeof mode === 'number' ? block % mode === 0 : mode;
}

/** `gradient checkpointing of every 2nd block`, or nothing. */
export function describeCheckpointing(mode: GradientCheckpointing): string {
  if (typeof mode !== 'number') return mode ? 'gradient checkpointing' : '';
  const ending = { 2: 'nd', 3: 'rd' }[mode] ?? 'th';
  return `gradient checkpointing of every ${mode}${mode > 20 ? '. ' : `${ending} `}block`;
}
