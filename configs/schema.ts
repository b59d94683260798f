/**
 * @file The config of an experiment. `seed, model, objective, optimizer, data` decide the bits (keyed); `run` does not.
 */
import { z } from 'zod';
import { architectureShape, patchesModeOf, registerBlockOf } from './architecture.ts';
import { augmentationShape } from './augmentation.ts';
import { checkPreviewWeights, weightsSchema } from './averages.ts';
import {
  DEEPEST,
  LARGEST_BATCH,
  LONGEST_CHUNK,
  LONGEST_SIDE,
  MOST_KEPT,
  MOST_SAMPLES,
  MOST_SPACED,
  WIDEST,
} from './bounds.ts';
import { initFromSchema } from './init-from.ts';
import { loraSchema } from './lora.ts';
import { checkCopiesCondition, checkMemorizationConfigSchema } from './memorization.ts';
import { mixtureShape } from './mixture.ts';
import { objectiveSchema } from './objective.ts';
import { optimizerSchema } from './optimizer.ts';
import { resolutionScheduleSchema } from './resolution.ts';
import { checkSampling, promptSchema, samplingSchema } from './sampling.ts';
import { seedSchema } from './seed.ts';
import { conditionsSchema, probability } from './signals.ts';
import { checkPreviewGuidance, checkTread } from './tread.ts';
import { validationConfigSchema } from './validation.ts';
import { validateConfigSchema } from './validation-suite.ts';

const side = z.int().positive().max(LONGEST_SIDE);

/** Rank of `adaln: lowrank` when the config names none. */
export const ADALN_RANK = 256;

export const modelSchema = z
  .strictObject({
    /**
     * joint: image tokens attend to image and context at once. CLS is added to the time embedding, patch features are
     * added to the image tokens. cross: blocks of self-attention and of cross-attention to [text | CLS | patches |
     * pose], as in the seed. `patches.mode` has the other ways for patch features.
     */
    arch: z.enum(['joint', 'cross']).default('joint'),
    hidden_size: z.int().min(16).max(WIDEST).default(192),
    depth: z.int().min(1).max(DEEPEST).default(6),
    num_heads: z.int().min(1).max(WIDEST).default(3),
    patch_size: z.int().min(1).max(64).default(8),
    in_channels: z.literal(3).default(3),
    /** Width of the patch bottleneck; 0: one map from pixels to tokens. */
    bottleneck: z.int().min(0).max(WIDEST).default(32),
    /** Pixels by which each patch window overlaps its neighbours, on input and output; 0: plain patches. */
    patch_overlap: z.int().min(0).max(32).default(2),
    mlp_ratio: z
      .number()
      .positive()
      .max(64)
      .default(8 / 3),
    /**
     * How a block computes its shifts, scales and gates. shared: by one matrix for all blocks, and a bias of its own.
     * full: by a matrix of its own. lowrank: by two thin matrices of its own, of rank `adaln_rank`.
     */
    adaln: z.enum(['shared', 'full', 'lowrank']).default('shared'),
    /** Rank of adaln lowrank; absent: {@link ADALN_RANK}. It has no default, which would change all digests. */
    adaln_rank: z.int().min(1).max(WIDEST).optional(),
    /**
     * Tokens along the mean side of the training pictures. With it a place in the picture is one place for tokens,
     * joints and rotation, at any size and aspect. A new experiment gets it. Absent: rotation counts tokens of whatever
     * size, and joints have each side for themselves, as before the key existed.
     */
    tokens_per_side: z.number().positive().max(WIDEST).optional(),
    /** Adapters: with them, only they are trained, unless `optimizer.freeze` says otherwise. */
    lora: loraSchema.optional().meta({ description: 'adapters of low rank (LoRA); default: none' }),
    conditions: conditionsSchema.optional(),
    ...architectureShape,
  })
  .refine(model => model.hidden_size % model.num_heads === 0, {
    error: 'num_heads must divide hidden_size',
    path: ['num_heads'],
  })
  .refine(model => (model.hidden_size / model.num_heads) % 4 === 0, {
    error: 'hidden_size / num_heads must be a multiple of 4 (2-D rotary embedding)',
    path: ['num_heads'],
  })
  .refine(
    model => patchesModeOf(model) === 'cross' || model.patch_size % (model.conditions?.patches?.stride ?? 1) === 0,
    {
      error:
        'must be a multiple of conditions.patches.stride with arch joint, whose tokens take whole features; ' +
        'arch cross and patches.mode cross take any size',
      path: ['patch_size'],
    },
  )
  .refine(({ adaln, adaln_rank }) => adaln === 'lowrank' || adaln_rank === undefined, {
    error: 'only adaln lowrank has a rank',
    path: ['adaln_rank'],
  })
  .refine(model => !model.registers || registerBlockOf(model) < model.depth, {
    error: 'must be below depth',
    path: ['registers', 'block'],
  })
  .refine(({ arch, cls_token }) => arch === 'cross' || cls_token !== 'conditioning', {
    error: 'only arch cross has a token for CLS',
    path: ['cls_token'],
  })
  .refine(model => model.patch_overlap * 2 <= model.patch_size, {
    error: 'patch_overlap must be at most half of patch_size',
    path: ['patch_overlap'],
  });
export type ModelConfig = z.infer<typeof modelSchema>;

export const dataSchema = z
  .strictObject({
    /** Samples per optimizer update. */
    batch_size: z.int().min(1).max(LARGEST_BATCH).default(64),
    /**
     * Pictures of several sizes are trained in groups of so many of one size. It divides `batch_size`, and the
     * micro-batch divides it. A new experiment gets it. Absent: a group is a whole update.
     */
    bucket_group: z.int().min(1).max(LARGEST_BATCH).optional(),
    ...augmentationShape,
    ...mixtureShape,
    /**
     * Scales of the pictures over the updates: smaller pictures first take less time. A new size needs new programs.
     */
    resolution_schedule: resolutionScheduleSchema.optional(),
    /** Size of the training pictures in pixels; the default size of samples. */
    image_size: z
      .strictObject({ width: side, height: side })
      .optional()
      .meta({ description: 'size of the training pictures in pixels; default: from the dataset' }),
  })
  .refine(({ batch_size, bucket_group = 1 }) => batch_size % bucket_group === 0, {
    error: 'must divide data.batch_size',
    path: ['bucket_group'],
  });
export type DataConfig = z.infer<typeof dataSchema>;

/** Samples of an update that have one size; the micro-batch divides them. */
export function groupSizeOf({
  batch_size,
  bucket_group = batch_size,
}: Pick<DataConfig, 'batch_size' | 'bucket_group'>) {
  return bucket_group;
}

export const runSchema = z.strictObject({
  /** Number of samples at which the run is done; default: total_samples of the optimizer. */
  target: z.int().positive().max(MOST_SAMPLES).optional(),
  /** Optimizer steps per chunk. A kill loses at most one chunk. Each chunk ends with previews. */
  chunk_steps: z.int().min(1).max(LONGEST_CHUNK).default(100),
  preview: z
    .strictObject({
      /** One picture for each prompt at every chunk border. Without prompts there are no previews. */
      prompts: z.array(promptSchema).max(64).default([]),
      /** Absent: ema. */
      weights: weightsSchema.optional(),
      ...samplingSchema.shape,
    })
    .superRefine(checkSampling)
    .prefault({}),
  /** A training fails when a larger share of its last steps is skipped. Absent: {@link MOST_SKIPPED}. 1: never. */
  max_skipped_share: probability.optional(),
  validation: validationConfigSchema.optional(),
  /** Absent: the defaults of its keys. */
  validate: validateConfigSchema.optional(),
  /** Absent: none. */
  check_memorization: checkMemorizationConfigSchema.optional(),
  /**
   * Pictures of the split val at every chunk border, each drawn from all its signals beside the picture itself, by the
   * settings of `preview`. Absent: none.
   */
  held_out_pictures: z.int().min(0).max(64).optional(),
  /** Number of superseded checkpoints to keep besides the newest. */
  keep: z.int().min(1).max(MOST_KEPT).default(2),
  /**
   * Number of further checkpoints to keep, spread over the whole run: they are places to branch from, and the traces
   * of averages of any length. Absent: none.
   */
  keep_spaced: z.int().min(2).max(MOST_SPACED).optional(),
});
export type RunConfig = z.infer<typeof runSchema>;

const sections = z.strictObject({
  v: z.literal(1).default(1),
  seed: seedSchema.default(0),
  init_from: initFromSchema.optional().meta({ description: 'default: fresh weights' }),
  model: modelSchema.prefault({}),
  objective: objectiveSchema.prefault({}),
  optimizer: optimizerSchema.prefault({}),
  data: dataSchema.prefault({}),
  run: runSchema.prefault({}),
});

export const configSchema = sections
  .superRefine(checkTread)
  .superRefine(checkPreviewGuidance)
  .superRefine(checkPreviewWeights)
  .superRefine(checkCopiesCondition);
export type Config = z.infer<typeof configSchema>;

export const keyedConfigSchema = sections.omit({ run: true }).superRefine(checkTread);
export type KeyedConfig = z.infer<typeof keyedConfigSchema>;

/** The sections that decide the bits of weights. Checkpoints name the digest of these. */
export function keyedConfig(config: Config): KeyedConfig {
  const { run: _, ...keyed } = config;
  return keyed;
}

/** False when some parameters keep their initial values: they have no gradient, no moments and no averages. */
export function trainsAll({ model, optimizer }: Pick<KeyedConfig, 'model' | 'optimizer'>): boolean {
  return model.lora === undefined && optimizer.freeze === undefined;
}
