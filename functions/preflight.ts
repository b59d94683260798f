/** @file Tells what a training needs before anything starts: memory, hours, passes over the data, disk. */

import { z } from 'zod';
import { LARGEST_BATCH, MOST_PICTURES } from '../configs/bounds.ts';
import { CARD_NAMES, CARDS, type Card, findCard } from '../configs/cards.ts';
import { checkDivision } from '../configs/divide-pictures.ts';
import type { EngineName, Precision } from '../configs/engines.ts';
import { gibibytes } from '../configs/gibibytes.ts';
import { checkpointingSchema } from '../configs/gradient-checkpointing.ts';
import type { MemoryPlan } from '../configs/memory-plan.ts';
import { leastTrainingBytes } from '../configs/model-size.ts';
import { parseConfig } from '../configs/parse.ts';
import type { Preflight } from '../configs/preflight.ts';
import { resolveConfig } from '../configs/presets.ts';
import type { Config } from '../configs/schema.ts';
import type { Translation } from '../configs/seed-block/translate-block.ts';
import { SEED_CONDITIONS } from '../configs/seed-conditions.ts';
import type { Conditions } from '../configs/signals.ts';
import { oneOf } from '../configs/suggest.ts';
import { readWrittenConfig } from '../configs/written-config.ts';
import { AppError } from '../errors.ts';
import type { RunnerStatus } from '../gpu-runner/protocol.ts';
import { canonicalJson } from '../storage/canonical.ts';
import { type Dataset, digestSchema, type EngineSpec, type TrainingPlan } from '../storage/records.ts';
import { defineFunction, type EffectContext } from './define.ts';
import { completeNorms } from './encoders/encoders.ts';
import { atLargest, type CompleteConfig, completeConfig } from './experiments/complete-config.ts';
import { checkTokens, frameOf, offerPreset, peakOf, tellCut } from './experiments/fit.ts';
import { advisePasses, forecastData, forecastDisk, forecastTime, forecastWork } from './experiments/forecast.ts';
import { findMeasuredSpeed } from './experiments/measured-speed.ts';
import { budgetOf, findTarget, planBody, readPlan } from './experiments/memory-request.ts';
import { checkMicroBatch, engineRequestSchema, resolveEngine } from './experiments/resolve-engine.ts';
import { findPictureSize, largestOf } from './experiments/training-size.ts';
import { checkTarget } from './experiments/training-target.ts';
import { uniteDatasets } from './experiments/unite-datasets.ts';
import { fitWarmup } from './experiments/warmup.ts';

/** The share of a card's peak that trainings of this kind reach. */
const UTILIZATION = 0.45;
const LARGEST_MEMORY_GIB = 2 ** 20;
/** Pictures of a config that names no size, without a dataset. */
const SMALL_SIZE = { width: 64, height: 64 };
/** The square bucket of the original project, whose config names no size. */
const SEED_SIZE = { width: 1024, height: 1024 };
/** The engine on a card, and its precision. */
const CARD_ENGINE: { readonly name: EngineName; readonly precision: Precision } = {
  name: 'xla/cuda',
  precision: 'bf16',
};

const input = z.strictObject({
  config: z.union([z.string(), z.record(z.string(), z.json())]).meta({
    description: 'name of a preset, or a config, which may name a preset under `preset`; also as text in YAML',
  }),
  dataset: digestSchema.optional().describe('dataset to train on; without it, sizes are those of `encoders`'),
  pictures: z
    .int()
    .positive()
    .max(MOST_PICTURES)
    .optional()
    .describe('number of training pictures; default: those of the dataset'),
  encoders: z
    .enum(['built-in', 'production'])
    .optional()
    .describe('without a dataset: the encoders whose signals are taken; default: built-in for pictures below 256 px'),
  engine: engineRequestSchema.default('auto').meta({ description: 'engine of the gpu-runner; a card has its own' }),
  micro_batch: z.int().min(1).max(LARGEST_BATCH).optional().describe('default: the largest that fits'),
  gradient_checkpointing: checkpointingSchema
    .optional()
    .describe('false, true, or k: every k-th block; default: true only if nothing fits without it'),
  card: oneOf('card', CARD_NAMES).optional().describe('a graphics card that need not be here: XLA compiles for it'),
  memory_gib: z
    .number()
    .positive()
    .max(LARGEST_MEMORY_GIB)
    .optional()
    .describe('memory of the device in GiB; default: as the device or card says'),
  utilization: z
    .number()
    .positive()
    .max(1)
    .default(UTILIZATION)
    .describe('share of the peak of the card that the training reaches'),
});
type Input = z.output<typeof input>;

export const preflight = defineFunction({
  name: 'preflight',
  summary:
    'Tells what a training needs before it starts: peak memory, micro-batch, hours, passes over the data, disk; and ' +
    'what fits if it does not.',
  version: 2,
  kind: 'effect',
  digests: { dataset: 'dataset' },
  example: { config: 'prod-1', card: 'rtx-4090', pictures: 10_000 },
  input,
  key: body => canonicalJson(body),
  async run(ctx, written): Promise<Preflight> {
    const { config, otherSize, translation, dataset } = await resolveTraining(ctx, written);
    const { micro_batch, gradient_checkpointing } = translation?.engine ?? {};
    const body = { micro_batch, gradient_checkpointing, ...written };
    if (body.micro_batch !== undefined) checkMicroBatch('micro_batch', body.micro_batch, config.data);
    const tooMany = findTokenProblem(config);
    const device = await findDevice(ctx, body);
    const memory = tooMany === undefined && device.target ? await plan(ctx, body, config, device) : {};
    const work = forecastWork(config, memory.plan);
    const card = body.card === undefined ? cardOf(device.name) : findCard(body.card);
    const measured = device.spec && (await findMeasuredSpeed(ctx, device.spec, device.target));
    const counts = dataset?.counts;
    const data = forecastData(config, body.pictures ?? counts?.train ?? counts?.pictures);
    const problems = [tooMany, memory.problem, device.problem, otherSize].filter(problem => problem !== undefined);
    return {
      v: 1,
      verdict: tooMany === undefined ? verdictOf(memory) : 'too large',
      problems: [...problems.map(({ message }) => message), ...advisePasses(data)],
      offers: [...problems.flatMap(({ hint }) => hint ?? []), ...(memory.offers ?? [])],
      device: {
        engine: device.engine.name,
        precision: device.engine.precision,
        ...(device.name !== undefined && { name: device.name }),
        ...(device.target && { memory_bytes: device.target.memoryBytes }),
      },
      ...(memory.plan && { memory: memory.plan }),
      work,
      time: forecastTime(config, work, { utilization: body.utilization, card, measured }),
      data,
      disk: forecastDisk(config, memory.plan, data),
      ...(translation && { translated: translation }),
    };
  },
});

interface Training {
  readonly dataset?: Dataset | undefined;
  /** The whole config, with the signals and the size of the largest pictures. */
  readonly config: Config;
  /** The config names a size that the pictures of the dataset do not have. */
  readonly otherSize?: Problem | undefined;
  /** What became of a config of the original project. */
  readonly translation?: Translation | undefined;
}

async function resolveTraining(ctx: EffectContext, { config: given, dataset, encoders }: Input): Promise<Training> {
  const { config: written, translation } = readWrittenConfig(given);
  const { data, model } = await resolveConfig(written);
  const united = dataset ?? (data.datasets && (await uniteDatasets(ctx, data.datasets, model.conditions)));
  const findPictures = united === undefined ? undefined : () => findPictureSize(ctx.blobs, united);
  const config = fitWarmup(await resolveConfig(written, findPictures), written);
  if (united !== undefined) {
    checkTarget(config);
    const whole = await completeConfig(ctx.blobs, config, united);
    return { config: atLargest(whole), otherSize: findOtherSize(whole), translation, dataset: whole.dataset };
  }
  const image_size = config.data.image_size ?? (translation ? SEED_SIZE : SMALL_SIZE);
  const isLarge = Math.max(image_size.width, image_size.height) >= 256;
  const made = (encoders ?? (isLarge ? 'production' : 'built-in')) === 'production';
  const conditions = completeNorms(config.model.conditions ?? (made ? SEED_CONDITIONS : builtInConditions(config)));
  checkDivision([image_size], 'model.patch_size', config.model.patch_size);
  const objective = { ...config.objective, losses: assumeColumn(config.objective.losses, conditions) };
  const whole = { ...config, objective, model: { ...config.model, conditions }, data: { ...config.data, image_size } };
  return { config: parseConfig(whole), translation };
}

/** The losses, of which REPA reads the features that the network is conditioned on. */
function assumeColumn(losses: Config['objective']['losses'], { patches }: Conditions): Config['objective']['losses'] {
  const { repa } = losses ?? {};
  if (repa === undefined || patches === undefined || 'column' in repa || repa.teacher === 'self') return losses;
  const { norm: _, weights, ...sizes } = patches;
  return { ...losses, repa: { ...repa, column: { ...sizes, ...(weights && { weights }) } } };
}

/** The signals of `words` and `dct`. */
function builtInConditions({ model }: Config): Conditions {
  return {
    text: { encoder: 'words', dim: 192, tokens: 64 },
    cls: { encoder: 'dct', dim: 64 },
    patches: { encoder: 'dct', dim: 27, stride: model.patch_size },
  };
}

interface Problem {
  readonly message: string;
  readonly hint?: string | undefined;
}

const problemOf = ({ message, hint }: AppError): Problem => ({ message, hint });

function findTokenProblem(config: Config): Problem | undefined {
  try {
    checkTokens(config);
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return problemOf(error);
    throw error;
  }
}

interface Device {
  readonly engine: Pick<EngineSpec, 'name' | 'precision'>;
  /** Of an engine in this machine. */
  readonly spec?: EngineSpec;
  readonly name?: string;
  readonly target?: ReturnType<typeof findTarget>;
  readonly problem?: Problem;
}

/** The engine and the device that the training would run on. */
async function findDevice({ runner }: EffectContext, body: Input): Promise<Device> {
  const memoryBytes = body.memory_gib === undefined ? undefined : Math.round(body.memory_gib * 2 ** 30);
  const status = await runner.status();
  if (body.card !== undefined) {
    const target = findTarget(status, CARD_ENGINE, { card: body.card, memoryBytes });
    return { engine: CARD_ENGINE, name: findCard(body.card).name, target };
  }
  const spec = resolveEngine(status, body.engine);
  const name = deviceName(status, spec);
  const target = findTarget(status, spec, { memoryBytes });
  const problem = {
    message: `the gpu-runner does not say how much memory ${spec.name} has`,
    hint: 'name it: memory_gib',
  };
  return { engine: spec, spec, ...(name !== undefined && { name }), target, ...(!target && { problem }) };
}

const deviceName = ({ engines }: RunnerStatus, spec: EngineSpec) =>
  engines.find(({ name }) => name === spec.name)?.device;

/** The listed card that a device of this machine is: its description begins with the card's name. */
function cardOf(device: string | undefined): Card | undefined {
  return Object.values(CARDS).find(({ name }) => device?.startsWith(name));
}

interface Planned {
  readonly plan?: MemoryPlan;
  readonly problem?: Problem;
  readonly offers?: readonly string[];
  /** The plan is a prediction of more than is needed: what does not fit it may fit. */
  readonly isCautious?: true;
  /** The state alone exceeds the memory. */
  readonly isHopeless?: true;
}

function verdictOf({ plan, isCautious, isHopeless }: Planned): Preflight['verdict'] {
  if (plan?.fits) return 'fits';
  if (isHopeless) return 'too large';
  return plan === undefined || isCautious ? 'unknown' : 'too large';
}

/**
 * Plans the memory; if the cut that was asked for does not fit, finds what does. Plans nothing if the state alone
 * exceeds the memory: a huge network would take hours to trace.
 */
async function plan(ctx: EffectContext, body: Input, config: Config, { target }: Device): Promise<Planned> {
  if (target === undefined) return {};
  const budget = budgetOf(target);
  const tooLarge = (takes: string): Problem => ({
    message: `the training takes ${takes}, and ${gibibytes(budget)} may be used`,
  });
  const least = leastTrainingBytes(config, frameOf(config));
  if (least > budget) {
    const problem = tooLarge(`at least ${gibibytes(least)}`);
    return { isHopeless: true, problem, offers: await offerPreset(config, budget) };
  }
  const { micro_batch, gradient_checkpointing } = body;
  const asked: Partial<TrainingPlan> = {
    ...(micro_batch !== undefined && { micro_batch }),
    ...(gradient_checkpointing !== undefined && { gradient_checkpointing }),
  };
  const of = async (cut: typeof asked, options: { readonly quick?: true } = {}) => {
    const call = { ...(await planBody(ctx.blobs, config, target, cut)), ...options };
    return readPlan(ctx.blobs, (await ctx.call('plan-memory', call)).result);
  };
  try {
    const made = await of(asked);
    if (made.fits) return { plan: made };
    const free = Object.keys(asked).length === 0 ? made : await of({});
    const problem = tooLarge(gibibytes(peakOf(made)));
    return {
      plan: made,
      problem,
      offers: [...(free.fits ? [tellCut(free)] : []), ...(await offerPreset(config, budget))],
    };
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (!(error instanceof AppError) || error.status !== 422) throw error;
    // Without the plugin or its tools, a prediction is better than nothing.
    const predicted = await of(asked, { quick: true }).catch(() => ctx.signal.throwIfAborted());
    return { problem: problemOf(error), isCautious: true, ...(predicted && { plan: predicted }) };
  }
}

/** The plan is for the pictures as they are; samples have the size that the config names. */
function findOtherSize({ config, sizes }: CompleteConfig): Problem | undefined {
  const named = frameOf(config);
  if (sizes.some(({ width, height }) => width * height === named.width * named.height)) return undefined;
  const { width, height } = largestOf(sizes);
  return {
    message:
      `the pictures of the dataset have ${width} x ${height} pixels, and data.image_size says ` +
      `${named.width} x ${named.height}`,
    hint: `leave data.image_size out, or bucket the dataset to ${named.width} pixels`,
  };
}
