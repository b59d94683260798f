/** @file The options of the loss `features`: the predicted picture is compared by what a frozen net sees. */
import { z } from 'zod';
import { Unprocessable } from '../errors.ts';
import { LONGEST_SIDE } from './bounds.ts';
import { DEFAULT_MAX_SIDE, timeLimits } from './perceptual.ts';
import { patchColumnSchema } from './signals.ts';

/** Nets by their names in the store, and among the frozen nets of an objective. */
export const FEATURE_NETS = ['efficientnet-lite0'] as const;
export const DEFAULT_FEATURE_NET: (typeof FEATURE_NETS)[number] = 'efficientnet-lite0';

/** Stages of efficientnet-lite0. */
const STAGES = 7;
/** The stage whose features the column `patches` has. */
export const COLUMN_STAGE = 4;

export const featuresShape = {
  net: z.enum(FEATURE_NETS).default(DEFAULT_FEATURE_NET),
  /** Stages whose features are compared, from 0, of strides 2, 4, 8, 16, 16, 32, 32. Absent: {@link COLUMN_STAGE}. */
  stages: z
    .array(
      z
        .int()
        .min(0)
        .max(STAGES - 1),
    )
    .min(1)
    .max(STAGES)
    .optional(),
  /** cosine: 1 - the cosine at each place. mse: the mean square of the difference. Each channel has unit variance. */
  loss_type: z.enum(['cosine', 'mse']).default('cosine'),
  /** computed: of the clean picture, by the net. patches: the column of the dataset, which the net made before. */
  target: z.enum(['computed', 'patches']).default('computed'),
  /** target patches: the encoder that made the column, and its sizes. Easel fills it in from the dataset. */
  column: patchColumnSchema.optional(),
  /**
   * target computed: larger pictures are compared at a size at which no side is longer, the means of squares of pixels.
   * Absent: {@link DEFAULT_MAX_SIDE}.
   */
  max_side: z.int().positive().max(LONGEST_SIDE).optional(),
  ...timeLimits,
};

export type FeaturesOptions = z.output<z.ZodObject<typeof featuresShape>>;

/** Where the features of the clean picture come from. */
export type FeatureTarget =
  | { readonly of: 'computed'; readonly stages: readonly number[]; readonly maxSide: number }
  | { readonly of: 'patches'; readonly dim: number; readonly stride: number };

/**
 * Makes the choices that the options leave open.
 * @param path Of the options in the config, for errors.
 * @throws Unprocessable for an option of the other target, limits of t without a time between them, and a column that
 * the net did not make.
 */
export function resolveTarget(options: FeaturesOptions, path: string): FeatureTarget {
  const { net, target, stages = [COLUMN_STAGE], column, max_side: maxSide = DEFAULT_MAX_SIDE, t_min, t_max } = options;
  if (t_min > t_max) {
    throw new Unprocessable(`${path}: t_min ${t_min} is above t_max ${t_max}`, { expected: 'a time between them' });
  }
  const foreign = target === 'computed' ? (['column'] as const) : (['stages', 'max_side'] as const);
  const other = foreign.find(key => options[key] !== undefined);
  if (other !== undefined) {
    throw new Unprocessable(`${path}.${other} has no meaning with target ${target}`, {
      expected: `no ${other}, or target ${target === 'computed' ? 'patches' : 'computed'}`,
    });
  }
  if (target === 'computed') return { of: target, stages: [...new Set(stages)].sort((a, b) => a - b), maxSide };
  if (column?.encoder === net) return { of: target, dim: column.dim, stride: column.stride };
  throw new Unprocessable(`${path}: ${column ? `the column patches is of ${column.encoder}` : 'column is missing'}`, {
    expected: `patches that ${net} made, as a new experiment gets them from its dataset`,
    hint: `encode the dataset with ${net}, or leave ${path}.target out`,
  });
}
