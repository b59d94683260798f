/**
 * @file Whether a training fits its device, when an experiment is created. Bounds from the config decide most cases at
 * once. What they leave open is predicted by the gpu-runner in seconds, or read from an earlier preflight where the
 * engine's compiler would need minutes. Nothing is compiled here.
 */
import type { EngineName } from '../../configs/engines.ts';
import { gibibytes } from '../../configs/gibibytes.ts';
import type { MemoryPlan } from '../../configs/memory-plan.ts';
import {
  contextTokensOf,
  imageTokensOf,
  leastTrainingBytes,
  mostTrainingBytes,
  type PictureFrame,
} from '../../configs/model-size.ts';
import { listPresets, loadPreset } from '../../configs/presets.ts';
import { formatCount } from '../../configs/quantity.ts';
import type { Config } from '../../configs/schema.ts';
import { MOST_TOKENS, offerPatchSize } from '../../configs/token-limit.ts';
import { trainingFlops } from '../../configs/training-flops.ts';
import { Unprocessable } from '../../errors.ts';
import type { RunnerStatus } from '../../gpu-runner/protocol.ts';
import type { EngineSpec, TrainingPlan } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';
import type { Executor } from '../execution/executor.ts';
import { budgetOf, findTarget, planBody, readPlan, type Target } from './memory-request.ts';

/** Calls `plan-memory`, and finds its earlier results. */
export type Planning = Pick<Executor, 'call' | 'find'>;

export interface FitContext {
  readonly blobs: BlobStore;
  /** Absent: only the bounds decide. */
  readonly executor?: Planning;
}

/** Engines whose memory their compiler tells, in minutes. */
const COMPILING: ReadonlySet<EngineName> = new Set<EngineName>(['xla/cuda']);
/** Patches of 2 pixels are for pictures of at most this side. */
const SMALL_PATCH = 2;
const SMALL_PICTURE = 64;
/** For figures: dense bf16 operations of an RTX 4090 at 45 %, per second. */
const YARDSTICK = 0.45 * 165.2e12;
const YEAR_SECONDS = 365 * 24 * 3600;
const HOUR_SECONDS = 3600;

export function frameOf(config: Config): PictureFrame {
  const { width = 0, height = 0 } = config.data.image_size ?? {};
  return { width, height, textTokens: config.model.conditions?.text?.tokens ?? 0 };
}

/** @throws Unprocessable with figures when there are so many tokens that no card trains them in time. */
export function checkTokens(config: Config): void {
  const frame = frameOf(config);
  const { patch_size } = config.model;
  const tokens = imageTokensOf(config.model, frame);
  const isSmall = Math.max(frame.width, frame.height) <= SMALL_PICTURE;
  if (tokens <= MOST_TOKENS && (patch_size > SMALL_PATCH || isSmall)) {
    checkContext(config);
    return;
  }
  const tell = (size: number) => {
    const model = { ...config.model, patch_size: size };
    const flops = trainingFlops({ ...config, model }, frame);
    const seconds = (flops * config.optimizer.total_samples) / YARDSTICK;
    const time = seconds > YEAR_SECONDS ? `${(seconds / YEAR_SECONDS).toFixed(1)} years` : formatHours(seconds);
    const memory = gibibytes(leastTrainingBytes({ ...config, model }, frame));
    const work = `${formatCount(Number((flops / 1e12).toPrecision(3)))} TFLOP per sample`;
    return `${formatCount(imageTokensOf(model, frame))} tokens, at least ${memory}, ${work}, ${time} on an RTX 4090`;
  };
  const better = offerPatchSize(frame.width, frame.height);
  throw new Unprocessable(
    `patches of ${patch_size} pixels in pictures of ${frame.width} x ${frame.height} are ${tell(patch_size)}`,
    {
      expected: `at most ${formatCount(MOST_TOKENS)} tokens, and patches above ${SMALL_PATCH} pixels for pictures above ${SMALL_PICTURE} pixels`,
      ...(better !== undefined && { hint: `model.patch_size ${better}: ${tell(better)}` }),
    },
  );
}

function checkContext(config: Config): void {
  const frame = frameOf(config);
  const context = contextTokensOf(config.model, frame);
  if (context <= MOST_TOKENS) return;
  const size = `${formatCount(frame.width)} x ${formatCount(frame.height)} pixels`;
  throw new Unprocessable(`the signals of a picture of ${size} are ${formatCount(context)} tokens`, {
    expected: `at most ${formatCount(MOST_TOKENS)} tokens`,
    hint:
      'a smaller data.image_size, if the pictures of the dataset are smaller; else fewer ' +
      'model.conditions.text.tokens, or a larger model.conditions.patches.stride',
  });
}

const formatHours = (seconds: number): string => `${(seconds / HOUR_SECONDS).toFixed(0)} hours`;

/**
 * The cut of a new experiment's updates: as asked for, or the largest that fits.
 * @param usual The cut that is taken wherever it fits.
 * @throws Unprocessable with figures and offers if the training cannot fit the device.
 */
export async function fitPlan(
  ctx: FitContext,
  status: RunnerStatus,
  config: Config,
  engine: EngineSpec,
  asked: Partial<TrainingPlan>,
  usual: TrainingPlan,
): Promise<TrainingPlan> {
  checkTokens(config);
  const target = findTarget(status, engine);
  if (target === undefined) return usual;
  const frame = frameOf(config);
  const budget = budgetOf(target);
  const least = leastTrainingBytes(config, frame);
  if (least > budget) throw await tooLarge(config, target, `at least ${gibibytes(least)}`, []);
  if (mostTrainingBytes(config, frame, usual.micro_batch) <= budget || ctx.executor === undefined) return usual;

  const plan = await planOf(ctx, ctx.executor, config, target, asked);
  if (plan === undefined) return predictCut(ctx, ctx.executor, config, target, asked);
  if (plan.fits) return plan.plan;
  const free = Object.keys(asked).length === 0 ? plan : await planOf(ctx, ctx.executor, config, target, {});
  const offers = free?.fits ? [tellCut(free)] : [];
  throw await tooLarge(config, target, gibibytes(peakOf(plan)), offers);
}

/** The plan of an engine that predicts; of one that compiles only if a preflight has made it. */
async function planOf(
  { blobs }: FitContext,
  executor: Planning,
  config: Config,
  target: Target,
  asked: Partial<TrainingPlan>,
): Promise<MemoryPlan | undefined> {
  const body = await planBody(blobs, config, target, asked);
  const result = COMPILING.has(target.engine.name)
    ? await executor.find('plan-memory', body)
    : (await executor.call('plan-memory', body)).result;
  return result && readPlan(blobs, result);
}

/** For an engine that compiles, before any preflight: a prediction, which is too cautious to refuse a training. */
async function predictCut(
  { blobs }: FitContext,
  executor: Planning,
  config: Config,
  target: Target,
  asked: Partial<TrainingPlan>,
): Promise<TrainingPlan> {
  const body = { ...(await planBody(blobs, config, target, asked)), quick: true };
  const { result } = await executor.call('plan-memory', body);
  return (await readPlan(blobs, result)).plan;
}

export const peakOf = ({ peak }: MemoryPlan): number =>
  Math.max(peak.training_bytes, peak.preview_bytes, peak.sampling_bytes);

/** A cut that fits, in words. */
export function tellCut({ plan, peak }: MemoryPlan): string {
  const checkpointing = plan.gradient_checkpointing ? ' with gradient_checkpointing true' : '';
  return `engine.micro_batch ${plan.micro_batch}${checkpointing} takes ${gibibytes(peak.training_bytes)}`;
}

/** The largest preset that is smaller than the config and most likely fits, in words. */
export async function offerPreset(config: Config, budget: number): Promise<string[]> {
  const name = await findSmallerPreset(config, budget);
  return name === undefined ? [] : [`the preset ${name} is smaller`];
}

async function findSmallerPreset(config: Config, budget: number): Promise<string | undefined> {
  const bound = leastTrainingBytes(config, frameOf(config));
  const presets = await Promise.all(
    (await listPresets()).map(async name => {
      const { model, optimizer, data } = await loadPreset(name);
      const conditions = config.model.conditions;
      const smaller: Config = { ...config, model: { ...model, conditions }, optimizer, data };
      const { image_size = config.data.image_size } = data;
      const frame = { ...frameOf(config), ...image_size };
      return { name, least: leastTrainingBytes(smaller, frame), most: mostTrainingBytes(smaller, frame, 1) };
    }),
  );
  const fitting = presets.filter(({ least, most }) => least < bound && most / 2 <= budget);
  return fitting.toSorted((a, b) => b.least - a.least)[0]?.name;
}

async function tooLarge(
  config: Config,
  target: Target,
  takes: string,
  offers: readonly string[],
): Promise<Unprocessable> {
  const budget = budgetOf(target);
  const { engine, memoryBytes } = target;
  const all = [...offers, ...(await offerPreset(config, budget))];
  return new Unprocessable(
    `the training takes ${takes}, and ${engine.name} has ${gibibytes(memoryBytes)}, of which ` +
      `${gibibytes(budget)} may be used`,
    {
      expected: `a training of at most ${gibibytes(budget)}`,
      hint: `${all.length > 0 ? `${all.join('; ')}; ` : ''}\`easel preflight\` shows what fits`,
    },
  );
}
