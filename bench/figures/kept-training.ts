/** @file A training in a folder: it goes on where it was killed, and adds up the processor time of all its parts. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyedConfig } from '../../configs/schema.ts';
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.ts';
import type { Engine, Tensors } from '../../gpu-runner/compiler/engine.ts';
import type { TrainingTensors } from '../../gpu-runner/training/load-state.ts';
import type { TrainingSource } from '../../gpu-runner/training/source.ts';
import { EMPTY_PROGRESS, type Progress, Trainer } from '../../gpu-runner/training/trainer.ts';
import { averageOf } from '../recipe/train-arm.ts';

const GROUPS = ['model', 'optimizer', 'ema'] as const;

/** What a folder says of its training. */
export interface Kept {
  readonly progress: Progress;
  /** Of all parts, in seconds. */
  readonly cpuSeconds: number;
  /** The mean loss since the file before. */
  readonly loss?: number;
}

export interface TrainOptions {
  readonly engine: Engine;
  readonly config: KeyedConfig;
  readonly source: TrainingSource;
  readonly folder: string;
  /** Updates at which the training ends. */
  readonly until: number;
  /** Updates between two files. */
  readonly every: number;
  onKept(kept: Kept): void;
}

/** Trains to a number of updates. @returns The weights of the first average. */
export async function trainKept(options: TrainOptions): Promise<{ readonly kept: Kept; readonly weights: Tensors }> {
  const { engine, config, source, folder, until, every, onKept } = options;
  await mkdir(folder, { recursive: true });
  const before = await readKept(folder);
  const { batch_size } = config.data;
  const trainer = new Trainer(
    engine,
    config,
    source,
    batch_size,
    before?.kept.progress ?? EMPTY_PROGRESS,
    before?.tensors,
  );
  let kept: Kept = before?.kept ?? { progress: EMPTY_PROGRESS, cpuSeconds: 0 };
  // Compiling is no training.
  await trainer.compile();
  while (trainer.progress.step < until) {
    const started = process.cpuUsage();
    const losses: number[] = [];
    do losses.push((await trainer.step()).loss);
    while (trainer.progress.step < until && trainer.progress.step % every !== 0);
    const { user, system } = process.cpuUsage(started);
    const loss = losses.reduce((sum, each) => sum + each, 0) / losses.length;
    kept = { progress: trainer.progress, cpuSeconds: kept.cpuSeconds + (user + system) / 1e6, loss };
    await writeKept(folder, kept, await trainer.tensors());
    onKept(kept);
  }
  const { ema } = await trainer.tensors();
  await trainer.dispose();
  return { kept, weights: averageOf(ema, 0) };
}

/** One file, so that state and progress belong together. It appears whole, or not at all. */
async function writeKept(folder: string, kept: Kept, tensors: TrainingTensors): Promise<void> {
  const all = GROUPS.flatMap(group =>
    Object.entries(tensors[group]).map(([name, tensor]) => [`${group}/${name}`, tensor] as const),
  );
  const step = String(kept.progress.step);
  await writeFile(join(folder, `state-${step}.safetensors`), encodeSafetensors(Object.fromEntries(all)));
  const old = await readFile(join(folder, 'kept.json'), 'utf8').catch(() => undefined);
  await writeFile(join(folder, 'kept.json.part'), JSON.stringify(kept));
  await rename(join(folder, 'kept.json.part'), join(folder, 'kept.json'));
  const earlier = old === undefined ? undefined : (JSON.parse(old) as Kept).progress.step;
  if (earlier !== undefined && String(earlier) !== step) {
    await rm(join(folder, `state-${earlier}.safetensors`), { force: true });
  }
}

async function readKept(
  folder: string,
): Promise<{ readonly kept: Kept; readonly tensors: TrainingTensors } | undefined> {
  const text = await readFile(join(folder, 'kept.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const kept: Kept = JSON.parse(text);
  const { tensors: stored } = decodeSafetensors(
    await readFile(join(folder, `state-${kept.progress.step}.safetensors`)),
  );
  const groups = Object.fromEntries(GROUPS.map(group => [group, {} as Record<string, unknown>]));
  for (const [path, tensor] of Object.entries(stored)) {
    const at = path.indexOf('/');
    const group = groups[path.slice(0, at)];
    if (group) group[path.slice(at + 1)] = tensor;
  }
  return { kept, tensors: groups as unknown as TrainingTensors };
}
