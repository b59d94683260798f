/** @file The call of `plan-memory` for a training. Configs that take equal memory make equal calls. */
import { findCard, reserveOf } from '../../configs/cards.ts';
import { ENGINE_PACKAGES } from '../../configs/engine-packages.ts';
import { type MemoryPlan, memoryPlanSchema } from '../../configs/memory-plan.ts';
import { MOST_PER_RUN } from '../../configs/model-size.ts';
import { type Config, keyedConfig, keyedConfigSchema } from '../../configs/schema.ts';
import type { RunnerStatus } from '../../gpu-runner/protocol.ts';
import { putDocument, readDocument } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { EngineSpec, Result, TrainingPlan } from '../../storage/records.ts';
import type { BlobStore } from '../../storage/types.ts';

/** Larger micro-batches gain nothing, and cost memory. */
export const LARGEST_MICRO_BATCH = 64;

/** What a training would run on. */
export interface Target {
  readonly engine: Pick<EngineSpec, 'name' | 'precision'>;
  /** A card that need not be in this machine. */
  readonly card?: string;
  readonly memoryBytes: number;
  readonly version: string;
}

/** Bytes that a training may take. */
export function budgetOf({ engine, memoryBytes }: Target): number {
  return memoryBytes - reserveOf(engine.name, memoryBytes);
}

/**
 * The engine on the gpu-runner's device, or on the card.
 * @returns Undefined if the gpu-runner does not say how much memory the device has.
 */
export function findTarget(
  status: RunnerStatus,
  engine: Pick<EngineSpec, 'name' | 'precision'>,
  { card, memoryBytes }: { readonly card?: string | undefined; readonly memoryBytes?: number | undefined } = {},
): Target | undefined {
  const found = status.engines.find(each => each.name === engine.name);
  const memory = memoryBytes ?? (card === undefined ? found?.memory_bytes : findCard(card).memoryMiB * 2 ** 20);
  if (memory === undefined) return undefined;
  return {
    engine: { name: engine.name, precision: engine.precision },
    ...(card !== undefined && { card }),
    memoryBytes: memory,
    version: found?.version ?? ENGINE_PACKAGES[engine.name]?.version ?? 'unknown',
  };
}

/** Stores the config that is planned, and returns the body of the call. */
export async function planBody(
  blobs: BlobStore,
  config: Config,
  target: Target,
  asked: Partial<TrainingPlan>,
): Promise<Record<string, Json>> {
  const { width = 0, height = 0 } = config.data.image_size ?? {};
  return {
    config: (await putDocument(blobs, withoutRates(config))).digest,
    width,
    height,
    text_tokens: config.model.conditions?.text?.tokens ?? 0,
    previews: Math.min(MOST_PER_RUN, Math.max(1, config.run.preview.prompts.length, config.run.held_out_pictures ?? 0)),
    engine: { ...target.engine },
    ...(target.card !== undefined && { card: target.card }),
    version: target.version,
    memory_bytes: target.memoryBytes,
    reserve_bytes: reserveOf(target.engine.name, target.memoryBytes),
    largest_micro_batch: LARGEST_MICRO_BATCH,
    ...asked,
  };
}

/** Seed, rates and lengths change no program. */
function withoutRates(config: Config) {
  const { init_from: start, ...keyed } = keyedConfig(config);
  const { learning_rate: _, total_samples: __, warmup_samples: ___, ...optimizer } = keyed.optimizer;
  const { schedule: ____, decay_share: _____, min_learning_rate: ______, ...kept } = optimizer;
  return keyedConfigSchema.parse({ ...keyed, seed: 0, optimizer: kept });
}

export function readPlan(blobs: BlobStore, { outputs }: Result): Promise<MemoryPlan> {
  const ref = outputs.plan;
  if (ref === undefined) throw new TypeError('plan-memory made no plan');
  return readDocument(blobs, ref.digest, memoryPlanSchema, 'a memory plan');
}
