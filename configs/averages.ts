/** @file The averages of the weights that a training keeps: power traces, and averages of a fixed decay. */
import { z } from 'zod';
import { LARGEST_FLOAT } from './bounds.ts';
import { LONGEST_SIGMA } from './post-hoc-average.ts';

/** Steps of the longest warm-up. */
const LONGEST_WARMUP = 1e9;
const MOST_GAMMAS = 3;
const MOST_DECAYS = 2;

/** Gammas of power traces: see {@link averageRateAt}. */
export const gammasSchema = z.array(z.number().positive().max(LARGEST_FLOAT)).max(MOST_GAMMAS);

/** An average w <- d w + (1 - d) weights. In the first `warmup_steps` updates d rises from 0, as the seed's. */
const decaySchema = z.strictObject({
  decay: z.number().gt(0).lt(1),
  warmup_steps: z.int().nonnegative().max(LONGEST_WARMUP).optional(),
});
export const decaysSchema = z.array(decaySchema).min(1).max(MOST_DECAYS);

type FixedDecay = z.infer<typeof decaySchema>;
export type Average = { readonly gamma: number } | FixedDecay;

/** Place of an average in {@link averagesOf}. */
export const averageIndex = z
  .int()
  .min(0)
  .max(MOST_GAMMAS + MOST_DECAYS - 1);

interface WithAverages {
  readonly ema_gammas: readonly number[];
  readonly ema_decays?: readonly FixedDecay[] | undefined;
}

/** The averages of a training, in the order of their state: power traces, then fixed decays. Samples use the first. */
export function averagesOf({ ema_gammas, ema_decays = [] }: WithAverages): Average[] {
  return [...ema_gammas.map(gamma => ({ gamma })), ...ema_decays];
}

/**
 * 1 - beta of an average at update `step` (1 is the first). Power trace: beta = (1 - 1/step)^(gamma + 1) (EDM2, arXiv
 * 2312.02696, eq. 121). Fixed decay: beta is the decay, in the warm-up its share of the updates behind.
 */
export function averageRateAt(step: number, average: Average): number {
  if ('gamma' in average) return 1 - (1 - 1 / step) ** (average.gamma + 1);
  const { decay, warmup_steps = 0 } = average;
  return 1 - decay * Math.min(1, warmup_steps === 0 ? 1 : (step - 1) / warmup_steps);
}

/**
 * The weights that pictures are made of. ema: the first average. raw: the weights of the last step. average: another
 * average of {@link averagesOf}, counted from 0. sigma_rel: an average of any length, made of the stored power traces:
 * see post-hoc-average.ts.
 */
export const weightsSchema = z.union([
  z.enum(['ema', 'raw']),
  z.strictObject({ average: averageIndex }),
  z.strictObject({ sigma_rel: z.number().positive().max(LONGEST_SIGMA) }),
]);
export type WeightChoice = z.infer<typeof weightsSchema>;

interface PreviewedSections {
  readonly optimizer: WithAverages;
  readonly run: { readonly preview: { readonly weights?: WeightChoice | undefined } };
}

/** Reports previews of an average that the training does not keep. For `superRefine` of a config. */
export function checkPreviewWeights({ optimizer, run: { preview } }: PreviewedSections, ctx: z.RefinementCtx): void {
  const { weights } = preview;
  if (typeof weights !== 'object') return;
  const report = (key: string, message: string) =>
    ctx.addIssue({ code: 'custom', path: ['run', 'preview', 'weights', key], message, input: weights });
  const count = averagesOf(optimizer).length;
  if ('average' in weights && weights.average >= count) {
    report('average', `expected 0 to ${count - 1}, a place in optimizer.ema_gammas followed by optimizer.ema_decays`);
  }
  if ('sigma_rel' in weights && optimizer.ema_gammas.length === 0) {
    report('sigma_rel', 'is made of power traces, and optimizer.ema_gammas has none');
  }
}

/** Share of a run that an average may look back over before a person should know. */
const LONGEST_HORIZON = 0.1;

/** Averages of a fixed decay whose horizon, 1 / (1 - decay) updates, is more than a tenth of the run. */
export function longAverages(optimizer: WithAverages, steps: number): (FixedDecay & { readonly text: string })[] {
  return (optimizer.ema_decays ?? [])
    .filter(({ decay }) => 1 / (1 - decay) > LONGEST_HORIZON * steps)
    .map(average => ({ ...average, text: describeLong(average, steps) }));
}

function describeLong({ decay, warmup_steps: warmup = 0 }: FixedDecay, steps: number): string {
  const old = Math.round(100 * decay ** Math.max(0, steps - warmup));
  const oldest = warmup > 0 ? `is from the ${warmup} steps of its warm-up` : 'are the initial weights';
  const share = old > 0 ? `: at its end ${old} % of it ${oldest}` : '';
  return (
    `the average with decay ${decay} looks back over about ${Math.round(1 / (1 - decay))} steps, more than a tenth of ` +
    `the ${steps} of the run${share}; optimizer.ema_gammas grow with the run instead`
  );
}
