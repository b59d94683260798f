/** @file The losses of an objective, and the weight of each over a run. */
import { z } from 'zod';
import { LARGEST_FLOAT } from './bounds.ts';
import { DEFAULT_FEATURE_NET, FEATURE_NETS } from './feature-loss.ts';
import { DEFAULT_LPIPS_NET, LPIPS_NETS, lpipsModelOf } from './lpips.ts';
import { DIGEST_PATTERN } from './stored-names.ts';

const share = z.number().min(0).max(1);

/** The keys that every loss has. loss-options.ts has its further keys. */
export const commonLossShape = {
  weight: z.number().nonnegative().max(LARGEST_FLOAT),
  /** Share of `optimizer.total_samples` at which the loss begins. */
  from: share.default(0),
  /** Share of `optimizer.total_samples` at which the loss ends; 1: it does not end. */
  until: share.default(1),
  /**
   * Share of `optimizer.total_samples` in which the weight rises from 0 after `from` and falls to 0 before `until`.
   */
  ramp: share.default(0),
};

const lossSchema = z
  .object(commonLossShape)
  .catchall(z.json())
  .refine(({ from, until }) => from < until, { error: 'must be larger than from', path: ['until'] });
export type LossConfig = z.infer<typeof lossSchema>;

/** Losses by name. Without this key, `flow_matching` is the only loss, with weight 1. */
export const lossesSchema = z
  .record(z.string().regex(/^[a-z][a-z0-9_]*$/, 'expected a name of a-z, 0-9 and _'), lossSchema)
  .meta({ description: 'weights of the losses; default: flow_matching alone, with weight 1' });
export type LossesConfig = z.infer<typeof lossesSchema>;

/** Weights of nets that losses read and training does not change: digests of safetensors blobs, by net. */
export const frozenNetsSchema = z
  .record(
    z.string().regex(/^[a-z0-9][a-z0-9_-]*$/, 'expected a name of a-z, 0-9, _ and -'),
    z.array(z.string().regex(DIGEST_PATTERN, 'expected a digest: "sha256:" and 64 hexadecimal digits')).min(1),
  )
  .meta({ description: 'weights of the frozen nets that losses read: digests of safetensors blobs, by net' });

/** Frozen nets whose weights the losses read, by the names that `easel models install` gives them. */
export function listFrozenNets({ lpips, features }: LossesConfig = {}): string[] {
  const isRead = (loss: LossConfig | undefined, net: string, fallback: string) =>
    loss !== undefined && loss.weight > 0 && net === (loss.net ?? fallback);
  return [
    ...LPIPS_NETS.filter(net => isRead(lpips, net, DEFAULT_LPIPS_NET)).map(lpipsModelOf),
    ...FEATURE_NETS.filter(net => isRead(features, net, DEFAULT_FEATURE_NET)),
  ];
}

/** Weight of a loss in the update that begins after `samples`. A run has no ramp at its start and end. */
export function lossWeightAt(samples: number, totalSamples: number, { weight, from, until, ramp }: LossConfig): number {
  const done = samples / totalSamples;
  if (done < from || (until < 1 && done >= until)) return 0;
  if (ramp === 0) return weight;
  const rise = from > 0 ? (done - from) / ramp : 1;
  const fall = until < 1 ? (until - done) / ramp : 1;
  return weight * Math.min(1, rise, fall);
}
