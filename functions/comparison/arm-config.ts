/** @file The config of one run of a grid or a sweep: a base, changes for all runs, and those of the arm. */
import { isRecord, mergeDeep } from '../../configs/merge-deep.ts';
import { findOwnKey } from '../../configs/own-keys.ts';
import type { FindPictures } from '../../configs/preset-files.ts';
import { overrideConfig, resolveConfig } from '../../configs/presets.ts';
import type { Config } from '../../configs/schema.ts';
import { readWrittenConfig, type WrittenConfig } from '../../configs/written-config.ts';
import { AppError, InvalidInput } from '../../errors.ts';
import { stepsFor } from '../experiments/chunks.ts';
import { fitWarmup } from '../experiments/warmup.ts';
import { nameMistake } from './arm-run.ts';

type Keys = Readonly<Record<string, unknown>>;

export interface ArmRequest {
  readonly base: WrittenConfig;
  /** Those that all arms are trained on, for a recipe without a size. */
  readonly findPictures?: FindPictures | undefined;
  /** Changes of all arms, and then those of this one. Null removes a key; `preset` takes another preset. */
  readonly changes: readonly Keys[];
  readonly seed: number;
  /** Optimizer steps, over which the schedules go. Absent: as the config says; `measured`: they are not known yet. */
  readonly steps?: number | 'measured' | undefined;
}

/**
 * A warm-up that the run has no time for is shortened, as for a preset, unless a change states it.
 * @param label What errors call the arm. @throws InvalidInput, NotFound, Unprocessable naming the arm
 */
export async function resolveArm(
  label: string,
  { base, findPictures, changes, seed, steps }: ArmRequest,
): Promise<Config> {
  try {
    const written = keysOf(readWrittenConfig(base).config);
    const presets = changes.flatMap(({ preset }) => (preset === undefined ? [] : [preset]));
    const preset = presets.reduce<unknown>((sum, each) => mergePresets(sum, each), written.preset);
    const own = changes.map(({ preset: _, ...rest }) => rest);
    for (const each of own) checkOwnKeys(each, steps);
    const whole = await resolveConfig({ ...written, ...(preset !== undefined && { preset }) }, findPictures);
    const changed = own.reduce<Config>((config, each) => overrideConfig(config, each), whole);
    const samples = typeof steps !== 'number' ? undefined : steps * changed.data.batch_size;
    const sized = overrideConfig(changed, {
      seed,
      ...(samples !== undefined && { optimizer: { total_samples: samples }, run: { target: null } }),
    });
    return fitWarmup(
      sized,
      own.reduce<Keys>((sum, each) => mergeKeys(sum, each), {}),
    );
  } catch (error) {
    throw error instanceof AppError ? nameMistake(label, error) : error;
  }
}

/** @throws InvalidInput if a change states what a run sets itself. */
function checkOwnKeys(changes: Keys, steps: ArmRequest['steps']): void {
  const key = findOwnKey(changes);
  if (key === 'seed') {
    throw new InvalidInput('a change states the seed, which the run has already', {
      expected: '"seeds" of a grid, or "seed" of a sweep',
    });
  }
  if (key !== undefined && steps !== undefined) {
    throw new InvalidInput(`a change states ${key} beside steps or seconds`, {
      expected: 'one of them',
    });
  }
}

/** Optimizer steps of a config's schedules. */
export function stepsOf({ optimizer, data }: Config): number {
  return stepsFor(optimizer.total_samples, data.batch_size);
}

function keysOf(written: WrittenConfig): Keys {
  return typeof written === 'string' ? { preset: written } : written;
}

/** An axis of a preset changes alone: `{ recipe: seed }` over `{ recipe: best, size: tiny-b }` keeps the size. */
function mergePresets(before: unknown, after: unknown): unknown {
  return isRecord(before) && isRecord(after) ? mergeDeep(before, after) : after;
}

function mergeKeys(before: Keys, after: Keys): Keys {
  const merged = mergeDeep(before, after);
  return isRecord(merged) ? merged : before;
}
