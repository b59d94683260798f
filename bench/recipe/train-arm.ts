/** @file Trains one arm for its number of updates; and the time of its update beside that of the base. */
import { loadPreset, overrideConfig } from '../../configs/presets.ts';
import { type KeyedConfig, keyedConfig } from '../../configs/schema.ts';
import type { Engine, Tensors } from '../../gpu-runner/compiler/engine.ts';
import type { TrainingTensors } from '../../gpu-runner/training/load-state.ts';
import { createMemorySource, type TrainingItem, type TrainingSource } from '../../gpu-runner/training/source.ts';
import { EMPTY_PROGRESS, Trainer } from '../../gpu-runner/training/trainer.ts';
import { ARMS, type Arm, BASE } from './arms.ts';
import { CONDITIONS, PATCH, SIDE } from './portraits.ts';

/** Share of a run that the warm-up of the base takes. */
const WARMUP_SHARE = 6_400 / 48_000;
/** The average of the preset, and a shorter one that costs hardly any time. */
export const EMA_GAMMAS = [10, 30];
/** Updates of each of two trainings that take turns; the first does not count. */
const TIMED = 4;

/** @param later Changes beside those of the arm. */
export async function configOf(
  arm: Pick<Arm, 'changes'>,
  seed: number,
  updates: number,
  later: NonNullable<Arm['later']> = {},
): Promise<KeyedConfig> {
  const base = overrideConfig(await loadPreset('portraits'), BASE);
  const model = { tokens_per_side: SIDE / PATCH, conditions: CONDITIONS };
  const optimizer = { ema_gammas: EMA_GAMMAS };
  const data = { image_size: { width: SIDE, height: SIDE } };
  const own = overrideConfig(overrideConfig(base, { seed, model, optimizer, data }), arm.changes);
  const changed = overrideConfig(own, later);
  const total_samples = updates * changed.data.batch_size;
  const warmup_samples = Math.round(total_samples * WARMUP_SHARE);
  return keyedConfig(overrideConfig(changed, { optimizer: { total_samples, warmup_samples } }));
}

export interface TrainedArm {
  readonly tensors: TrainingTensors;
  /** The mean loss of each tenth of the run. */
  readonly losses: readonly number[];
  readonly skipped: number;
  /** Seconds of the processor. */
  readonly cpuSeconds: number;
}

/** @param later The config of the second half; the state goes on. Default: one config for all updates. */
export async function trainArm(
  engine: Engine,
  { config, later }: { readonly config: KeyedConfig; readonly later?: KeyedConfig | undefined },
  source: TrainingSource,
  onStep: (step: number, loss: number) => void,
): Promise<TrainedArm> {
  const { batch_size } = config.data;
  const updates = config.optimizer.total_samples / batch_size;
  let trainer = new Trainer(engine, config, source, batch_size, EMPTY_PROGRESS);
  const parts = Array.from({ length: 10 }, () => ({ sum: 0, count: 0 }));
  let skipped = 0;
  const started = process.cpuUsage();
  for (let step = 0; step < updates; step++) {
    if (later && step === Math.ceil(updates / 2)) {
      const [state, { progress }] = [await trainer.tensors(), trainer];
      await trainer.dispose();
      trainer = new Trainer(engine, later, source, batch_size, progress, state);
    }
    const report = await trainer.step();
    const part = parts[Math.floor((10 * step) / updates)];
    if (part) {
      part.sum += report.loss;
      part.count++;
    }
    if (report.skipped) skipped++;
    onStep(report.step, report.loss);
  }
  const cpuSeconds = secondsSince(started);
  const tensors = await trainer.tensors();
  await trainer.dispose();
  return { tensors, losses: parts.map(({ sum, count }) => sum / count), skipped, cpuSeconds };
}

/** The weights of an average. @param index In the order of the config's averages. */
export function averageOf(ema: Tensors, index: number): Tensors {
  const prefix = `${index}.`;
  return Object.fromEntries(
    Object.entries(ema).flatMap(([name, tensor]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), tensor]] : [],
    ),
  );
}

/** Time of an update over that of the base, for arms whose updates take equal time. */
export type Costs = Readonly<Record<string, number>>;

/**
 * Processor time of an update of the arm over that of the base, which take turns: other load on the machine hits both.
 * @param known Measured before: arms of equal cost get equal numbers of updates.
 * @returns All costs that are known by now, and that of the arm.
 */
export async function timeArm(engine: Engine, arm: Arm, items: readonly TrainingItem[], known: Costs) {
  const configs = await Promise.all([ARMS[0] ?? arm, arm].map(each => configOf(each, 0, 1000)));
  const key = costOf(configs[1]);
  const cost = known[key] ?? (key === costOf(configs[0]) ? 1 : await timeUpdates(engine, configs, items));
  return { cost, costs: { ...known, [key]: cost } };
}

async function timeUpdates(engine: Engine, configs: readonly KeyedConfig[], items: readonly TrainingItem[]) {
  const contestants = configs.map(config => {
    const trainer = new Trainer(engine, config, createMemorySource(items), config.data.batch_size, EMPTY_PROGRESS);
    return { trainer, times: [] as number[] };
  });
  for (let round = 0; round < TIMED; round++) {
    for (const { trainer, times } of contestants) {
      const started = process.cpuUsage();
      await trainer.step();
      if (round > 0) times.push(secondsSince(started));
    }
  }
  for (const { trainer } of contestants) await trainer.dispose();
  const [base = 1, own = 1] = contestants.map(({ times }) => Math.min(...times));
  return own / base;
}

/** Equal for configs whose updates take equal time. */
const costOf = (config: KeyedConfig | undefined): string =>
  JSON.stringify({ batch_size: config?.data.batch_size, optimizer: config?.optimizer.type, model: config?.model });

function secondsSince(started: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1e6;
}
