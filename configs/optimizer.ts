/** @file The section `optimizer` of a config: optimizers, schedules and averages of the weights. */
import { z } from 'zod';
import { averagesOf, decaysSchema, gammasSchema } from './averages.ts';
import { LARGEST_FLOAT, MOST_SAMPLES } from './bounds.ts';
import { patternsSchema } from './name-patterns.ts';
import { probability } from './signals.ts';

/**
 * Parameters that Muon trains. named: the matrices inside the blocks. all_2d: all with exactly two axes, as in the
 * seed; these are the matrices, and the embeddings, input, output and modulation maps too.
 */
export const MUON_GROUPS = ['named', 'all_2d'] as const;

/**
 * Parameters that decay. matrices: the matrices inside the blocks. not_embeddings: all linear maps, so what has two or
 * more axes and is no table of embeddings. two_axes: what has two or more axes. all: gains, biases and nulls too.
 */
export const DECAYED = ['matrices', 'not_embeddings', 'two_axes', 'all'] as const;

/** `optimizer.skip_above` of a config that has none. */
export const SKIP_ABOVE = 10;
/** `run.max_skipped_share` of a config that has none. */
export const MOST_SKIPPED = 0.5;

/** A point at which a run went on with a higher learning rate than it had, and the rate that it had. */
export const extensionSchema = z.strictObject({
  /** Samples seen. */
  at: z.int().positive().max(MOST_SAMPLES),
  learning_rate: z.number().nonnegative().max(LARGEST_FLOAT),
});

const optimizerShape = z.strictObject({
  type: z.enum(['muon', 'adamw']).default('muon'),
  learning_rate: z.number().positive().max(LARGEST_FLOAT).default(2e-3),
  /** Samples over which all schedules run. */
  total_samples: z.int().positive().max(MOST_SAMPLES).default(48_000),
  warmup_samples: z.int().nonnegative().max(MOST_SAMPLES).default(6_400),
  /**
   * Where a run was extended or branched: from there the rate rises over `warmup_samples`. Easel writes it.
   */
  extended: z.array(extensionSchema).max(1000).optional(),
  /** wsd: constant, then linear to `min_learning_rate` over the last `decay_share`. */
  schedule: z.enum(['constant', 'cosine', 'wsd']).default('wsd'),
  decay_share: probability.default(0.3),
  min_learning_rate: z.number().nonnegative().max(LARGEST_FLOAT).default(0),
  /** Largest global L2 norm of the gradient. */
  clip_norm: z.number().positive().max(LARGEST_FLOAT).default(1),
  weight_decay: z.number().nonnegative().max(LARGEST_FLOAT).default(0),
  /** Parameters that decay: see {@link DECAYED}. Absent: two_axes. */
  weight_decay_on: z.enum(DECAYED).optional(),
  /** A gradient whose norm is so many times the median of the last ones is skipped. Absent: {@link SKIP_ABOVE}. */
  skip_above: z.number().gt(1).max(LARGEST_FLOAT).optional(),
  /** Parameters that keep their initial values: names, with * for any characters. */
  freeze: patternsSchema.optional(),
  adamw: z
    .strictObject({
      /** With type muon: the rate of AdamW's parameters, on the same schedule. Absent: `learning_rate`. */
      learning_rate: z.number().positive().max(LARGEST_FLOAT).optional(),
      beta1: probability.default(0.9),
      beta2: probability.default(0.95),
      eps: z.number().positive().max(LARGEST_FLOAT).default(1e-8),
    })
    .prefault({}),
  muon: z
    .strictObject({
      momentum: probability.default(0.95),
      nesterov: z.boolean().default(true),
      ns_steps: z.int().min(1).max(10).default(5),
      adjust_lr_fn: z.enum(['match_rms_adamw', 'original']).default('match_rms_adamw'),
      /** Parameters that Muon trains: see {@link MUON_GROUPS}. AdamW trains the others. Absent: named. */
      groups: z.enum(MUON_GROUPS).optional(),
    })
    .prefault({}),
  /** Power-function averages (EDM2, arXiv 2312.02696, eq. 121): beta = (1 - 1/t)^(gamma + 1). Samples use the first. */
  ema_gammas: gammasSchema.default([10]),
  /** Averages of a fixed decay beside them: 0.999, or the seed's 0.9999 with a warm-up of 500 steps. Absent: none. */
  ema_decays: decaysSchema.optional(),
});

/** Refuses keys that would do nothing, and a training without an average. */
function checkOptimizer(optimizer: OptimizerConfig, ctx: z.RefinementCtx): void {
  const { type, adamw, muon } = optimizer;
  const refuse = (path: string[], message: string) => ctx.addIssue({ code: 'custom', path, message });
  if (averagesOf(optimizer).length === 0) refuse(['ema_gammas'], 'at least one average: a gamma, or one of ema_decays');
  if (type === 'muon') return;
  if (adamw.learning_rate !== undefined) {
    refuse(['adamw', 'learning_rate'], 'only with optimizer.type muon; with adamw it is optimizer.learning_rate');
  }
  if (muon.groups !== undefined) refuse(['muon', 'groups'], 'only with optimizer.type muon');
}

export const optimizerSchema = optimizerShape.superRefine(checkOptimizer);
export type OptimizerConfig = z.infer<typeof optimizerShape>;
