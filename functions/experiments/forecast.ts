/** @file Hours, passes over the data and disk of a training. */
import type { Card } from '../../configs/cards.ts';
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import { imageTokensOf } from '../../configs/model-size.ts';
import type { Preflight } from '../../configs/preflight.ts';
import { phasesOf, scaledSize } from '../../configs/resolution.ts';
import type { Config } from '../../configs/schema.ts';
import { SIGNALS, type SignalName, shapeOfSignal, signalsOf } from '../../configs/signals.ts';
import { predictSeconds } from '../../configs/step-time.ts';
import { trainingFlops } from '../../configs/training-flops.ts';
import { stepsFor } from './chunks.ts';
import { frameOf } from './fit.ts';
import type { MeasuredSpeed } from './measured-speed.ts';
import { stepWork } from './step-work.ts';
import { targetOf } from './training-target.ts';

/** More passes than these, and a network of this kind remembers its pictures. */
const MOST_PASSES = 150;
const HOUR_SECONDS = 3600;
const BYTES = { f16: 2, f32: 4 } as const;

/** The work of the training. */
export function forecastWork(config: Config, plan: MemoryPlan | undefined): Preflight['work'] {
  const { batch_size } = config.data;
  const frame = frameOf(config);
  const samples = targetOf(config);
  const updates = stepsFor(samples, batch_size);
  const estimate = trainingFlops(config, frame);
  const flops_per_sample = plan?.flops.sample ?? estimate;
  const { flops: flops_per_update, movedBytes } = stepWork(config, plan);
  const phases = phasesOf(updates, config.data).map(({ scale, updates: own }) => {
    const scaled = { ...frame, ...scaledSize({ width: frame.width, height: frame.height }, scale, config.model) };
    // Of what an update of whole pictures takes, a share as the formula says.
    const flops = flops_per_update * (trainingFlops(config, scaled) / estimate);
    const image_tokens = imageTokensOf(config.model, scaled);
    return { scale, width: scaled.width, height: scaled.height, updates: own, image_tokens, flops_per_update: flops };
  });
  const isScheduled = phases.some(({ scale }) => scale !== 1);
  return {
    samples,
    updates,
    batch_size,
    image_tokens: imageTokensOf(config.model, frame),
    flops_per_sample,
    flops_per_update,
    ...(movedBytes !== undefined && { moved_bytes_per_update: movedBytes }),
    total_flops: isScheduled
      ? phases.reduce((sum, phase) => sum + phase.updates * phase.flops_per_update, 0)
      : updates * flops_per_update,
    ...(isScheduled && { phases }),
  };
}

export interface Speed {
  /** The card's share of its peak that trainings reach. */
  readonly utilization: number;
  readonly card?: Card | undefined;
  readonly measured?: MeasuredSpeed | undefined;
}

export function forecastTime(config: Config, work: Preflight['work'], speed: Speed): Preflight['time'] {
  const { card, measured, utilization } = speed;
  const peak = card && card.bf16Teraflops * 1e12;
  const rate = peak && peak * utilization;
  if (measured === undefined && rate === undefined) return { basis: 'unknown' };
  /** An update that takes this share of the operations of a whole one takes it of the moved bytes, too. */
  const secondsOf = (flops: number) => {
    if (measured === undefined) return flops / (rate ?? Number.NaN);
    const { flops_per_update: whole, moved_bytes_per_update: moved } = work;
    return predictSeconds({ flops, movedBytes: moved && moved * (flops / whole) }, measured.step);
  };
  const seconds = secondsOf(work.flops_per_update);
  const phases = work.phases ?? [{ updates: work.updates, flops_per_update: work.flops_per_update }];
  const beside = besideSeed(config);
  return {
    basis: measured ? 'measured' : 'stated',
    source: measured ? `the experiment ${measured.experiment}` : `${card?.name}: ${card?.bf16Teraflops} TFLOP/s`,
    ...(!measured && { utilization }),
    samples_per_second: work.batch_size / seconds,
    seconds_per_update: seconds,
    hours: phases.reduce((sum, phase) => sum + phase.updates * secondsOf(phase.flops_per_update), 0) / HOUR_SECONDS,
    ...(peak !== undefined && { least_hours: work.total_flops / peak / HOUR_SECONDS }),
    ...(beside !== undefined && { beside }),
  };
}

/** The plan of the seed's README: 768 wide, 18 deep, 6,000 updates of 256 samples at one megapixel. */
function besideSeed({ model, optimizer, data }: Config): string | undefined {
  const { width = 0, height = 0 } = data.image_size ?? {};
  const isPlan =
    model.hidden_size === 768 &&
    model.depth === 18 &&
    model.arch === 'cross' &&
    optimizer.total_samples === 6000 * 256 &&
    width * height === 2 ** 20;
  return isPlan ? 'the plan of the seed allows 14 days (336 hours) for these 6,000 updates on an RTX 4090' : undefined;
}

export function forecastData(config: Config, pictures: number | undefined): Preflight['data'] {
  const { width, height, textTokens } = frameOf(config);
  const ofSignal = (name: SignalName) => {
    const shape = shapeOfSignal(config.model.conditions, name, { width, height, tokens: textTokens }) ?? [];
    return shape.reduce((product, size) => product * size, BYTES[SIGNALS[name].dtype]);
  };
  const signals = signalsOf(config.model.conditions).reduce((sum, name) => sum + ofSignal(name), 0);
  return {
    ...(pictures !== undefined && { pictures, passes: targetOf(config) / Math.max(1, pictures) }),
    bytes_per_picture: 3 * width * height + signals,
  };
}

/** A sentence of advice if each picture is seen too often. */
export function advisePasses({ passes = 0 }: Preflight['data']): string[] {
  if (passes <= MOST_PASSES) return [];
  return [
    `each picture is seen ${Math.round(passes)} times: beyond ${MOST_PASSES}, expect that it is remembered; ` +
      'take more pictures or fewer samples',
  ];
}

export function forecastDisk(config: Config, plan: MemoryPlan | undefined, data: Preflight['data']): Preflight['disk'] {
  const dataset = data.pictures === undefined ? undefined : data.pictures * data.bytes_per_picture;
  // The newest, those before it, one that is being written, the best one, and the last one without copies.
  const { keep, keep_spaced: spaced = 0, validation, check_memorization } = config.run;
  const judged = [validation, check_memorization].filter(each => each !== undefined).length;
  const checkpoints = keep + 2 + spaced + judged;
  const each = plan?.peak.checkpoint_bytes;
  return {
    ...(dataset !== undefined && { dataset_bytes: dataset }),
    ...(each !== undefined && { checkpoint_bytes: each }),
    checkpoints,
    ...(each !== undefined && { total_bytes: (dataset ?? 0) + checkpoints * each }),
  };
}
