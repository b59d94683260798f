/** @file A training on items in memory, to the end of its config. */
import type { KeyedConfig } from '../../configs/schema.ts';
import type { Engine, Tensors } from '../../gpu-runner/compiler/engine.ts';
import { createMemorySource, type TrainingItem, type TrainingSource } from '../../gpu-runner/training/source.ts';
import { EMPTY_PROGRESS, Trainer } from '../../gpu-runner/training/trainer.ts';

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
  onStep: (step: number, steps: number, loss: number) => void,
): Promise<TrainedModel> {
  const { batch_size } = config.data;
  const steps = Math.ceil(config.optimizer.total_samples / batch_size);
  const trainer = new Trainer(engine, config, sourceOf(items), batch_size, EMPTY_PROGRESS);
  const parts = Array.from({ length: 10 }, () => ({ sum: 0, count: 0 }));
  const started = process.cpuUsage();
  for (let step = 0; step < steps; step++) {
    const report = await trainer.step();
    const part = parts[Math.floor((10 * step) / steps)];
    if (part) {
      part.sum += report.loss;
      part.count++;
    }
    onStep(report.step, steps, report.loss);
  }
  const { user, system } = process.cpuUsage(started);
  const { ema } = await trainer.tensors();
  await trainer.dispose();
  const average = Object.fromEntries(
    Object.entries(ema).flatMap(([name, tensor]) => (name.startsWith('0.') ? [[name.slice(2), tensor]] : [])),
  );
  return { average, losses: parts.map(({ sum, count }) => sum / count), cpuSeconds: (user + system) / 1e6 };
}

/** The longest text may be a further caption. */
function sourceOf(items: readonly TrainingItem[]): TrainingSource {
  const source = createMemorySource(items);
  const rows = items.flatMap(({ signals, texts = [] }) => [signals.text?.rows ?? 0, ...texts.map(each => each.rows)]);
  const text = rows.reduce((most, each) => Math.max(most, each), 0);
  return { ...source, index: { ...source.index, longest: { ...source.index.longest, text } } };
}
