/** @file `auto`, resolved once, when an experiment is created: what it says is stored and decides the bits from then on. */
import { z } from 'zod';
import { Busy, Unprocessable } from '../../errors.ts';
import type { RunnerStatus } from '../../gpu-runner/protocol.ts';
import { type EngineSpec, engineSpecSchema } from '../../storage/records.ts';

const NAMES = engineSpecSchema.shape.name.options;
/**
 * Engines that `auto` may take, the fastest first. All compute the same bits in every run on an equal spec. WebGPU is not among them: a driver may
 * round otherwise from version to version, and its adapter may be one in software.
 */
const AUTO_NAMES = [
  'openvino/cpu',
  'onnxruntime/cpu',
  'tensorflow',
  'reference',
] as const satisfies readonly EngineSpec['name'][];
/** Larger micro-batches gain nothing on a CPU and cost memory. */
const MAX_AUTO_MICRO_BATCH = 64;
/** What a runner takes to try all its engines. */
const PROBING_SECONDS = 2;

/** `auto`, the name of an engine, or parts of a spec; what is left out is resolved. */
export const engineRequestSchema = z.union([
  z.enum(['auto', ...NAMES]),
  engineSpecSchema.partial().required({ name: true }).extend({ gradient_checkpointing: z.boolean().optional() }),
]);
export type EngineRequest = z.output<typeof engineRequestSchema>;

interface Asked extends Omit<Exclude<EngineRequest, string>, 'name'> {
  readonly name: EngineSpec['name'] | 'auto';
}

/**
 * @param batchSize Samples per update, which the micro-batch divides.
 * Left out, the precision is the one that the engine does best there.
 * @throws Unprocessable when the engine is not available on the runner, with the runner's reason, or not in that precision; Busy when the runner
 * has just started and does not know its engines yet.
 */
export function resolveEngine(status: RunnerStatus, request: EngineRequest, batchSize: number): EngineSpec {
  if (status.engines.length === 0) {
    throw new Busy('the gpu-runner has just started and does not know its engines yet', {
      hint: 'send the call again',
      retryAfterSeconds: PROBING_SECONDS,
    });
  }
  const asked: Asked = typeof request === 'string' ? { name: request } : request;
  const name = asked.name === 'auto' ? AUTO_NAMES.find(each => isAvailable(status, each)) : asked.name;
  if (name === undefined || !isAvailable(status, name)) throw unavailable(status, asked.name);
  const found = status.engines.find(engine => engine.name === name);
  const precisions = found?.precisions ?? ['f32' as const];
  const { precision = precisions[0] ?? 'f32', threads, micro_batch, gradient_checkpointing } = asked;
  if (!precisions.includes(precision)) {
    throw new Unprocessable(`the engine ${name} does not compute in ${precision} on the gpu-runner`, {
      expected: `precision ${precisions.join(' or ')}`,
    });
  }
  return {
    name,
    precision,
    threads: threads ?? found?.threads ?? 1,
    micro_batch: micro_batch ?? largestDivisor(batchSize, MAX_AUTO_MICRO_BATCH),
    ...(gradient_checkpointing === true && { gradient_checkpointing }),
  };
}

/** The keys of a spec in which it differs from what was asked for. `auto` and what was left out fit any. */
export function engineDifferences(request: EngineRequest, spec: EngineSpec): (keyof EngineSpec)[] {
  if (request === 'auto') return [];
  const asked: Asked = typeof request === 'string' ? { name: request } : request;
  const has = { gradient_checkpointing: false, ...spec };
  const keys = ['name', 'precision', 'threads', 'micro_batch', 'gradient_checkpointing'] as const;
  return keys.filter(key => asked[key] !== undefined && asked[key] !== has[key]);
}

/** The spec without what concerns training alone, so that equal pictures have equal keys. */
export function forSampling({ gradient_checkpointing: _, ...spec }: EngineSpec): EngineSpec {
  return spec;
}

function isAvailable(status: RunnerStatus, name: string): boolean {
  return status.engines.some(engine => engine.name === name && engine.available);
}

function unavailable(status: RunnerStatus, name: string): Unprocessable {
  const reasons = status.engines.flatMap(engine =>
    engine.available ? [] : [`${engine.name}: ${engine.reason ?? 'no reason given'}`],
  );
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
