/** @file A training on items in memory, to the end of its config. */
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Engine, Tensors } from '../../gpu-runner/compiler/engine.ts';
import { createMemorySource, type TrainingItem, type TrainingSource } from '../../gpu-runner/training/source.ts';
import { averageOf, trainArm } from '../recipe/train-arm.ts';

export interface TrainedModel {
  /** The first average of the weights. */
  readonly average: Tensors;
  /** The mean loss of each tenth of the run. */
  readonly losses: readonly number[];
  /** Seconds of the processor. */
  readonly cpuSeconds: number;
}

export async function trainOn(
  engine: Engine,
  config: KeyedConfig,
  items: readonly TrainingItem[],
  onStep: (step: number, loss: number) => void,
): Promise<TrainedModel> {
  const { tensors, losses, cpuSeconds } = await trainArm(engine, { config }, sourceOf(items), onStep);
  return { average: averageOf(tensors.ema, 0), losses, cpuSeconds };
}

/** The longest text may be a further caption. */
function sourceOf(items: readonly TrainingItem[]): TrainingSource {
  const source = createMemorySource(items);
  const rows = items.flatMap(({ signals, texts = [] }) => [signals.text?.rows ?? 0, ...texts.map(each => each.rows)]);
  const text = rows.reduce((most, each) => Math.max(most, each), 0);
  return { ...source, index: { ...source.index, longest: { ...source.index.longest, text } } };
}
