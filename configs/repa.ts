/**
 * @file The options of the loss `repa`: representation alignment (REPA, arXiv 2410.06940), with features of the dataset
 * or of the average of the model's own weights (SRA, arXiv 2505.02831).
 */

import { z } from 'zod';
import { Unprocessable } from '../errors.ts';
import { averageIndex, averagesOf } from './averages.ts';
import { DEEPEST, WIDEST } from './bounds.ts';
import type { KeyedConfig } from './schema.ts';
import { patchColumnSchema } from './signals.ts';

const blockIndex = z
  .int()
  .min(-1)
  .max(DEEPEST - 1);

export const repaShape = {
  /** patches: the column of the dataset. self: the tokens of a later block, with the average of the weights. */
  teacher: z.enum(['patches', 'self']).default('patches'),
  /** The block whose tokens are aligned; 0 is the first, -1 is depth // 2. */
  block_index: blockIndex.default(-1),
  /** cosine: 1 - the cosine of the features. mse: the mean square of their difference. */
  loss_type: z.enum(['cosine', 'mse']).default('cosine'),
  /** Maps tokens to features. mlp: three layers with SiLU between them. linear: one matrix. */
  adapter: z.enum(['mlp', 'linear']).default('mlp'),
  /** Width inside of adapter mlp; absent: twice model.hidden_size. */
  adapter_width: z.int().min(1).max(WIDEST).optional(),
  /** teacher patches: the encoder that made the column, and its sizes. Easel fills it in from the dataset. */
  column: patchColumnSchema.optional(),
  /** teacher patches: the grid on which both are compared; the other one is resampled to it. Absent: tokens. */
  grid: z.enum(['tokens', 'teacher']).optional(),
  /** teacher patches: only samples whose patches are dropped count: others could copy them. Absent: true. */
  only_dropped: z.boolean().optional(),
  /** teacher self: the average: 0 is the first of optimizer.ema_gammas, and ema_decays follow. Absent: 0. */
  ema: averageIndex.optional(),
  /** teacher self: the block of the features; -1 or absent: 3 depth // 4, or the one after block_index. */
  teacher_block: blockIndex.optional(),
  /** teacher self: so much lower is t of the picture that the teacher sees, but at least 0. 1: clean. Absent: 0.2. */
  t_gap: z.number().min(0).max(1).optional(),
};

export type RepaOptions = z.output<z.ZodObject<typeof repaShape>>;

/** The options with every choice made. */
export interface Repa extends Pick<RepaOptions, 'loss_type' | 'adapter'> {
  readonly block: number;
  readonly width: number;
  readonly teacher: ColumnTeacher | SelfTeacher;
}

export interface ColumnTeacher {
  readonly of: 'patches';
  /** Features of one cell, and pixels per cell. */
  readonly dim: number;
  readonly stride: number;
  readonly grid: 'tokens' | 'teacher';
  readonly onlyDropped: boolean;
}

export interface SelfTeacher {
  readonly of: 'self';
  readonly ema: number;
  readonly block: number;
  readonly gap: number;
}

type RepaInputs = Pick<KeyedConfig, 'model' | 'optimizer'>;

const OWNED = {
  patches: ['column', 'grid', 'only_dropped'],
  self: ['ema', 'teacher_block', 't_gap'],
} as const;

/**
 * Makes the choices that the options leave open.
 * @param path Of the options in the config, for errors.
 * @throws Unprocessable for an option of the other teacher, a block that the model does not have, a teacher that is not
 * later than the block, or an average that is not kept.
 */
export function resolveRepa(options: RepaOptions, { model, optimizer }: RepaInputs, path: string): Repa {
  const { teacher, loss_type, adapter, adapter_width: width = 2 * model.hidden_size } = options;
  if (adapter === 'linear' && options.adapter_width !== undefined) {
    throw new Unprocessable(`${path}.adapter_width: a linear adapter has no inner width`, {
      expected: 'adapter mlp, or no adapter_width',
    });
  }
  checkOwned(options, path);
  const block = options.block_index === -1 ? Math.floor(model.depth / 2) : options.block_index;
  checkBlock(block, model.depth, `${path}.block_index`);
  const common = { loss_type, adapter, width, block };
  if (teacher === 'self') return { ...common, teacher: resolveSelf(options, block, { model, optimizer }, path) };
  const { column, grid = 'tokens', only_dropped: onlyDropped = true } = options;
  if (column === undefined) {
    throw new Unprocessable(`${path}.column is missing`, {
      expected: 'the encoder of the column patches with dim and stride, as a new experiment gets it from its dataset',
      hint: 'PUT /experiments/NAME fills it in',
    });
  }
  return { ...common, teacher: { of: 'patches', dim: column.dim, stride: column.stride, grid, onlyDropped } };
}

function resolveSelf(options: RepaOptions, block: number, { model, optimizer }: RepaInputs, path: string): SelfTeacher {
  const { ema = 0, teacher_block: asked = -1, t_gap: gap = 0.2 } = options;
  const last = model.depth - 1;
  const later = asked === -1 ? Math.min(last, Math.max(block + 1, Math.floor((3 * model.depth) / 4))) : asked;
  checkBlock(later, model.depth, `${path}.teacher_block`);
  if (later <= block) {
    throw new Unprocessable(`${path}: the teacher's block ${later} is not later than block ${block}`, {
      expected: `block_index below teacher_block, with model.depth ${model.depth} both from 0 to ${last}`,
    });
  }
  const averages = averagesOf(optimizer).length;
  if (ema >= averages) {
    throw new Unprocessable(`${path}.ema: the training keeps no average ${ema}`, {
      expected: `0 to ${averages - 1}, an index into optimizer.ema_gammas and, after them, ema_decays`,
    });
  }
  return { of: 'self', ema, block: later, gap };
}

function checkOwned(options: RepaOptions, path: string): void {
  const other = options.teacher === 'self' ? 'patches' : 'self';
  for (const key of OWNED[other]) {
    if (options[key] === undefined) continue;
    throw new Unprocessable(`${path}.${key} has no meaning with teacher ${options.teacher}`, {
      expected: `teacher ${other}, or no ${key}`,
    });
  }
}

function checkBlock(block: number, depth: number, path: string): void {
  if (block < depth) return;
  throw new Unprocessable(`${path}: the model has no block ${block}`, { expected: `a block from 0 to ${depth - 1}` });
}
