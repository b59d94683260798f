/**
 * @file 20 steps of a training beside the same training on the CPU in f32, from weights that are nowhere zero: from the
 * usual ones, most of the network has no gradient at first.
 */
import { availableParallelism } from 'node:os';
import type { Engine } from '../../../gpu-runner/compiler/engine.ts';
import { createOnnxRuntimeEngine } from '../../../gpu-runner/engines/onnxruntime/engine.ts';
import { createXlaEngine } from '../../../gpu-runner/engines/xla/engine.ts';
import type { TrainingTensors } from '../../../gpu-runner/training/load-state.ts';
import { EMPTY_PROGRESS, type StepReport, Trainer } from '../../../gpu-runner/training/trainer.ts';
import { RandomStream } from '../../../numerics/random-stream.ts';
import { type BenchNet, configOf, repeatedSource } from '../bench-config.ts';
import type { RunSection } from '../context.ts';

const STEPS = 20;
const BATCH = 8;

export const run: RunSection = async ({ platform, isSmall, cacheFolder }, report) => {
  const { config: whole, frame } = await configOf('prod-1', true);
  // Warm-up ends at once, so that the weights move.
  const optimizer = { ...whole.optimizer, total_samples: STEPS * BATCH, warmup_samples: 0 };
  const wide = isSmall ? {} : { hidden_size: 256, num_heads: 4, depth: 4 };
  const config = {
    ...whole,
    model: { ...whole.model, ...wide },
    optimizer,
    data: { ...whole.data, batch_size: BATCH },
  };
  const threads = availableParallelism();
  const cpu = createOnnxRuntimeEngine({ threads });
  const start = await drawStart(cpu, { config, frame });
  const expected = await train(cpu, { config, frame }, start);
  for (const precision of ['f32', 'bf16'] as const) {
    const engine = await createXlaEngine({ platform, precision, threads, cacheFolder });
    const reports = await train(engine, { config, frame }, start);
    await engine.dispose();
    const largest = (numberOf: (report: StepReport) => number) =>
      Math.max(...reports.map((each, i) => Math.abs(numberOf(each) / numberOf(expected[i] ?? each) - 1)));
    report({
      steps: STEPS,
      precision,
      first_loss: reports[0]?.loss ?? Number.NaN,
      last_loss: reports.at(-1)?.loss ?? Number.NaN,
      largest_loss_error: largest(({ loss }) => loss),
      largest_norm_error: largest(({ grad_norm }) => grad_norm),
    });
  }
};

/** The usual first tensors, with normal numbers added to the weights. */
async function drawStart(engine: Engine, { config, frame }: BenchNet): Promise<TrainingTensors> {
  const trainer = new Trainer(engine, config, repeatedSource(config, frame), BATCH, EMPTY_PROGRESS);
  const tensors = await trainer.tensors();
  await trainer.dispose();
  const model = Object.entries(tensors.model).map(([name, tensor], index) => {
    const noise = new Float32Array(tensor.data.length);
    new RandomStream(1, 'noise', index).fillNormal(noise);
    const data = Float32Array.from(tensor.data, (x, i) => x + 0.05 * (noise[i] ?? 0));
    return [name, { ...tensor, data }];
  });
  return { ...tensors, model: Object.fromEntries(model) };
}

async function train(engine: Engine, { config, frame }: BenchNet, start: TrainingTensors): Promise<StepReport[]> {
  const trainer = new Trainer(engine, config, repeatedSource(config, frame), BATCH, EMPTY_PROGRESS, start);
  const reports: StepReport[] = [];
  for (let i = 0; i < STEPS; i++) reports.push(await trainer.step());
  await trainer.dispose();
  return reports;
}
