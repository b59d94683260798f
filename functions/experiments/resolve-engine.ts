/**
 * @file Resolves the engine and the plan of an experiment, once, when the experiment is created. They are stored and
 * decide the bits from then on.
 */

import { z } from 'zod';
import { ENGINE_NAMES, type EngineName, type Precision } from '../../configs/engines.ts';
import {
  askedCheckpointingSchema,
  checkpointingOf,
  type GradientCheckpointing,
} from '../../configs/gradient-checkpointing.ts';
import { type DataConfig, groupSizeOf } from '../../configs/schema.ts';
import type { Translation } from '../../configs/seed-block/translate-block.ts';
import { oneOf } from '../../configs/suggest.ts';
import { Busy, Unprocessable } from '../../errors.ts';
import { cutPaths } from '../../errors-wire.ts';
import type { RunnerStatus } from '../../gpu-runner/protocol.ts';
import { type EngineSpec, engineSpecSchema, type TrainingPlan, trainingPlanSchema } from '../../storage/records.ts';

/**
 * Place of each engine in the order in which `auto` tries them, the fastest first. Each of them computes the same bits
 * in every run with an equal spec. WebGPU has no place: a new driver may round differently, and its adapter may be
 * software. XLA on the CPU has none: it is slower than ONNX Runtime.
 */
const AUTO_PLACES: Readonly<Record<EngineName, number | undefined>> = {
  'xla/cuda': 1,
  'openvino/cpu': 2,
  'onnxruntime/cpu': 3,
  tensorflow: 4,
  reference: 5,
  'onnxruntime/webgpu': undefined,
  'xla/cpu': undefined,
};
const AUTO_NAMES = ENGINE_NAMES.filter(name => AUTO_PLACES[name] !== undefined).sort(
  (a, b) => (AUTO_PLACES[a] ?? 0) - (AUTO_PLACES[b] ?? 0),
);
/** Larger micro-batches gain nothing on a CPU and cost memory. */
const MAX_AUTO_MICRO_BATCH = 64;
/** A runner tries all its engines within this time. */
const PROBING_SECONDS = 2;

const requestedName = oneOf('engine', ['auto', ...ENGINE_NAMES]);
const requestedParts = engineSpecSchema
  .partial()
  .extend({ name: requestedName.default('auto'), deterministic: z.boolean().optional() });

/** The engine of a sample: `auto`, the name of an engine, or parts of a spec. Parts that are left out are resolved. */
export const engineRequestSchema = z.union([requestedName, requestedParts]);
export type EngineRequest = z.output<typeof engineRequestSchema>;

const PRECISIONS_BY_NAME = { fp32: 'f32', bf16: 'bf16' } as const;

/** The engine of an experiment: `auto`, the name of an engine, or parts of a spec and of a plan. */
const requestedTraining = requestedParts.extend({
  micro_batch: trainingPlanSchema.shape.micro_batch.optional(),
  gradient_checkpointing: askedCheckpointingSchema.optional(),
  /** As the original project names the precision. */
  mixed_precision: z.enum(['fp32', 'bf16']).optional(),
});
export const trainingEngineRequestSchema = z.union([
  requestedName,
  requestedTraining.refine(
    ({ precision, mixed_precision: mixed }) =>
      precision === undefined || mixed === undefined || precision === PRECISIONS_BY_NAME[mixed],
    { error: 'is another precision than `precision`', path: ['mixed_precision'] },
  ),
]);
export type TrainingEngineRequest = z.output<typeof trainingEngineRequestSchema>;

/**
 * @returns The spec as asked for. A precision or a number of threads that was left out is the gpu-runner's first
 * choice.
 * @throws Unprocessable if the engine, or its precision, is not available on the gpu-runner, with the reason; Busy if
 * the gpu-runner has just started and does not know its engines yet.
 */
export function resolveEngine(status: RunnerStatus, request: EngineRequest | TrainingEngineRequest): EngineSpec {
  if (status.engines.length === 0) {
    throw new Busy('the gpu-runner has just started and does not know its engines yet', {
      hint: 'send the call again',
      retryAfterSeconds: PROBING_SECONDS,
    });
  }
  const asked = partsOf(request);
  const name = asked.name === 'auto' ? chooseEngine(status, asked) : asked.name;
  const found = status.engines.find(engine => engine.name === name && engine.available);
  if (found === undefined) throw unavailable(status, name);
  const precisions = precisionsOf(found);
  const { precision = precisions[0] ?? 'f32', threads = found.threads ?? 1, deterministic, autotune } = asked;
  if (!precisions.includes(precision)) {
    const able = status.engines.filter(each => each.available && precisionsOf(each).includes(precision));
    throw new Unprocessable(`the engine ${name} does not compute in ${precision} on the gpu-runner`, {
      expected: `precision ${precisions.join(' or ')}`,
      hint:
        able.length > 0
          ? `these engines do: ${able.map(each => each.name).join(', ')}`
          : `no engine on the gpu-runner computes in ${precision}: \`easel engines\` lists those that can be installed`,
    });
  }
  if (!takesTuning(name, asked)) {
    throw new Unprocessable(`the engine ${name} takes neither \`deterministic: false\` nor \`autotune\``, {
      expected: `the engine ${TUNED_ENGINE}, or an engine without these keys`,
    });
  }
  return {
    ...{ name, precision, threads },
    ...(deterministic === false && { deterministic }),
    ...(autotune !== undefined && { autotune }),
  };
}

/** The first available engine of `auto` that has what was asked for; if no engine has, the first available one. */
function chooseEngine(status: RunnerStatus, asked: Parts): EngineName {
  const available = AUTO_NAMES.flatMap(name => {
    const found = status.engines.find(engine => engine.name === name && engine.available);
    return found ? [{ name, precisions: precisionsOf(found) }] : [];
  });
  const fitting = available.find(
    ({ name, precisions }) =>
      (asked.precision === undefined || precisions.includes(asked.precision)) && takesTuning(name, asked),
  );
  const chosen = fitting ?? available[0];
  if (chosen === undefined) throw unavailable(status, 'auto');
  return chosen.name;
}

/**
 * The engine as a translated config wishes it, where the request leaves parts open. A precision that no engine here
 * has is left out, so that the same config runs on any machine.
 */
export function wishEngine(
  status: RunnerStatus,
  request: TrainingEngineRequest,
  { engine: { precision, ...cut } }: Pick<Translation, 'engine'>,
): TrainingEngineRequest {
  const asked = partsOf(request);
  const name = asked.name === 'auto' ? chooseEngine(status, { ...asked, precision }) : asked.name;
  const found = status.engines.find(engine => engine.name === name);
  const isAble = precision !== undefined && found !== undefined && precisionsOf(found).includes(precision);
  return requestedTraining.parse({ ...(isAble && { precision }), ...cut, ...asked });
}

function precisionsOf({ precisions = ['f32'] }: RunnerStatus['engines'][number]): readonly Precision[] {
  return precisions;
}

function takesTuning(name: EngineName, { deterministic, autotune }: Parts): boolean {
  return name === TUNED_ENGINE || (deterministic !== false && autotune === undefined);
}

/** The engine that measures which kernels are the fastest, and may add up in an order that varies. */
const TUNED_ENGINE: EngineName = 'xla/cuda';

/** Whether the kernels of an engine are to be measured before its first step. */
export function wantsTuning({ name, deterministic, autotune }: EngineSpec): boolean {
  return name === TUNED_ENGINE && deterministic !== false && autotune === undefined;
}

/** @throws Unprocessable when the micro-batch does not divide the samples of one size. */
export function resolvePlan(request: TrainingEngineRequest, data: DataConfig): TrainingPlan {
  const { micro_batch = largestDivisor(groupSizeOf(data), MAX_AUTO_MICRO_BATCH), gradient_checkpointing = false } =
    partsOf(request);
  checkMicroBatch('engine.micro_batch', micro_batch, data);
  return { micro_batch, gradient_checkpointing };
}

/** The parts of the plan that the request names. */
export function askedPlan(request: TrainingEngineRequest): Partial<TrainingPlan> {
  const { micro_batch, gradient_checkpointing } = partsOf(request);
  return {
    ...(micro_batch !== undefined && { micro_batch }),
    ...(gradient_checkpointing !== undefined && { gradient_checkpointing }),
  };
}

/**
 * @param key Key of the micro-batch in the body, for the error.
 * @throws Unprocessable if it does not divide the samples of one size.
 */
export function checkMicroBatch(key: string, microBatch: number, data: DataConfig): void {
  const group = groupSizeOf(data);
  if (group % microBatch === 0) return;
  const isWhole = group === data.batch_size;
  throw new Unprocessable(
    `${key} ${microBatch} does not divide data.${isWhole ? 'batch_size' : 'bucket_group'} ${group}`,
    {
      expected: `a divisor of ${group}`,
      ...(!isWhole && {
        hint: `the pictures have several sizes, and a micro-batch has one; or raise data.bucket_group`,
      }),
    },
  );
}

/**
 * The parts of the request that differ from the stored ones, as `key (stored value)`. `auto` and absent parts fit any.
 */
export function listEngineDifferences(
  request: TrainingEngineRequest,
  stored: { readonly engine: EngineSpec; readonly plan: TrainingPlan },
): string[] {
  const { name, ...parts } = partsOf(request);
  const asked: Readonly<Record<string, unknown>> = name === 'auto' ? parts : { name, ...parts };
  return Object.entries({ deterministic: true, ...stored.engine, ...stored.plan })
    .filter(([key, value]) => asked[key] !== undefined && asked[key] !== value)
    .map(([key, value]) => `engine.${key} (${value})`);
}

/** `none`, `full` and `mixed_precision` in the words of plans and specs. */
interface Parts extends Omit<Exclude<TrainingEngineRequest, string>, 'gradient_checkpointing' | 'mixed_precision'> {
  readonly gradient_checkpointing?: GradientCheckpointing;
}

function partsOf(request: EngineRequest | TrainingEngineRequest): Parts {
  if (typeof request === 'string') return { name: request };
  const { gradient_checkpointing, mixed_precision, ...parts }: Exclude<TrainingEngineRequest, string> = request;
  return {
    ...parts,
    ...(mixed_precision !== undefined && { precision: PRECISIONS_BY_NAME[mixed_precision] }),
    ...(gradient_checkpointing !== undefined && { gradient_checkpointing: checkpointingOf(gradient_checkpointing) }),
  };
}

function unavailable(status: RunnerStatus, name: string): Unprocessable {
  // The cures of the other engines do not help.
  const asked = status.engines.filter(engine => !engine.available && (name === 'auto' || engine.name === name));
  const reasons = asked.map(engine => `${engine.name}: ${cutPaths(engine.reason ?? 'no reason given')}`);
  const usable = status.engines.filter(engine => engine.available).map(engine => engine.name);
  return new Unprocessable(
    name === 'auto' ? 'the gpu-runner has no engine' : `the engine ${name} is not available on the gpu-runner`,
    {
      expected: `one of: ${usable.join(', ') || 'none is available'}`,
      ...(reasons.length > 0 && { hint: reasons.join('; ') }),
    },
  );
}

function largestDivisor(n: number, limit: number): number {
  for (let divisor = Math.min(n, limit); divisor > 1; divisor--) if (n % divisor === 0) return divisor;
  return 1;
}
