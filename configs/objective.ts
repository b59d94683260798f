/** @file The section `objective` of a config: the task that the network is trained on. */
import { z } from 'zod';
import { LARGEST_FLOAT, LONGEST_SIDE } from './bounds.ts';
import { frozenNetsSchema, lossesSchema } from './losses.ts';
import { PREDICTION_TYPES } from './sampling.ts';
import { DROPOUT_CATEGORIES, probability } from './signals.ts';
import { treadSchema } from './tread.ts';

const finite = z.number().min(-LARGEST_FLOAT).max(LARGEST_FLOAT);
const side = z.number().min(1).max(LONGEST_SIDE);

/**
 * Probability of each category ({@link DROPOUT_CATEGORIES}). The remaining samples keep all signals. A category that
 * the seed does not have has no default.
 */
export const conditionDropoutSchema = z
  .strictObject(
    Object.fromEntries(
      DROPOUT_CATEGORIES.map(
        ({ key, share }) => [key, share === undefined ? probability.optional() : probability.default(share)] as const,
      ),
    ),
  )
  .refine(p => Object.values(p).reduce<number>((a, b = 0) => a + b, 0) <= 1 + 1e-9, {
    error: 'the probabilities must sum to at most 1; the remaining samples keep all signals',
  });

/** Parts of the kept signals that samples lose at random: a condition is seldom whole when people sample. */
const maskingSchema = z.strictObject({
  /** Each sample hides up to this share of its joints: it draws its share, then each joint. Absent: none. */
  joints: probability.optional(),
  /** Each sample hides up to this share of its patch features, in squares of `block`. Absent: none. */
  patches: probability.optional(),
  /** Side of a square, in features. */
  block: z.int().min(1).max(LONGEST_SIDE).default(4),
});

/** How the masks of pictures weigh the loss: white is 1. A picture without a mask has 1 everywhere. */
const maskSchema = z.strictObject({
  /** Least weight of a pixel, so that black counts a little. */
  unmasked_weight: probability.default(0.1),
  /**
   * false: the loss of a picture is the mean over all of its pixels, so that a small region makes a small loss (as in
   * sd-scripts). true: it is divided by the mean weight of the picture (`normalize_masked_area_loss` of OneTrainer).
   */
  normalize: z.boolean().default(false),
});

/** The spaces in which an error is measured: velocity, and picture. */
const LOSS_SPACES = ['v', 'x'] as const;

const objectiveShape = z.strictObject({
  prediction_type: z.enum(PREDICTION_TYPES).default('x_prediction'),
  /**
   * v: the loss is the mean squared error of the velocity. x: of the clean picture. The network predicts either one,
   * and z = x + t v turns one error into the other: |x error| = t |v error|. Absent: v.
   */
  loss_space: z.enum(LOSS_SPACES).optional(),
  /**
   * Weighs the error of the picture by min(SNR, gamma), SNR = (1 - t)^2 / (t s)^2 (Min-SNR, arXiv 2303.09556). For a
   * network that predicts v this is t^2 min(SNR, gamma) of its own error. Absent: the weight of `loss_space`.
   */
  min_snr_gamma: z.number().positive().max(LARGEST_FLOAT).optional(),
  /** t (0 data, 1 noise) is logit-normal. A `uniform_share` of the samples has uniform t. */
  logit_normal_mean: finite.default(0.8),
  logit_normal_std: z.number().positive().max(LARGEST_FLOAT).default(0.8),
  uniform_share: probability.default(0.1),
  /**
   * The loss weight of x-prediction is 1 / max(t, clamp)^2. A small clamp lets the few samples that are nearly clean
   * decide the gradient: at 0.05 the 1 % of the samples below t = 0.1 make a third of the loss.
   */
  t_clamp: z.number().positive().max(1).default(0.2),
  /** Scale s of the noise: z = (1 - t) x0 + t s e. */
  noise_scale: z.number().positive().max(LARGEST_FLOAT).default(1),
  /**
   * Mean side in pixels of pictures with the noise scale `noise_scale`. It grows with the mean side: a larger picture
   * needs more noise to hide as much (JiT, arXiv 2511.13720, has 256). Absent: all sizes have one scale.
   */
  noise_reference_side: side.optional(),
  /** Shift a of the drawn times: t' = a t / (1 + (a - 1) t) (arXiv 2403.03206, eq. 23). Absent: none. */
  time_shift: z.number().min(0.01).max(100).optional(),
  /**
   * Mean side in pixels of pictures with the shift `time_shift` (absent: 1). It grows with the mean side. Absent: all
   * sizes have one shift.
   */
  shift_reference_side: side.optional(),
  cfg_dropout: conditionDropoutSchema.prefault({}),
  masking: maskingSchema.optional(),
  mask: maskSchema.optional(),
  losses: lossesSchema.optional(),
  tread: treadSchema.optional(),
  frozen: frozenNetsSchema.optional(),
});

export const objectiveSchema = objectiveShape.superRefine(checkObjective);
export type ObjectiveConfig = z.infer<typeof objectiveShape>;

/** Reports keys that contradict each other. */
function checkObjective(objective: ObjectiveConfig, ctx: z.core.$RefinementCtx): void {
  const report = (key: keyof ObjectiveConfig, message: string) =>
    ctx.addIssue({ code: 'custom', path: [key], message, input: objective[key] });
  if (objective.min_snr_gamma !== undefined && objective.loss_space !== undefined) {
    report('min_snr_gamma', 'is a weight for the error of the picture, so loss_space has no effect: leave one out');
  }
  const scales = objective.noise_scale !== 1 || objective.noise_reference_side !== undefined;
  const shift = (['time_shift', 'shift_reference_side'] as const).find(key => objective[key] !== undefined);
  if (scales && shift !== undefined) {
    report(
      shift,
      'does the same as a noise scale, and both together do it twice: leave out time_shift and ' +
        'shift_reference_side, or noise_scale and noise_reference_side',
    );
  }
}
