/** @file Trains a config with switches on, in parts that each begin with what the one before saved. */

import { RandomStream } from '../../../numerics/random-stream.ts';
import type { Engine } from '../../compiler/engine.ts';
import { hashedWeight } from '../../encoders/lpips/testing/hashed-numbers.ts';
import { traceGradGraph } from '../grad-graph.ts';
import { type FrozenNets, initialTensors, type TrainingTensors } from '../load-state.ts';
import { createMemorySource } from '../source.ts';
import { EMPTY_PROGRESS, type Progress, type StepReport, Trainer } from '../trainer.ts';
import type { Switched } from './switches.ts';
import { tinyItems } from './tiny.ts';

/** Pictures of two sizes, some with several captions, some that must not be mirrored, most with a mask. */
const ITEMS = [...tinyItems(5, 40, 40), ...tinyItems(4, 40, 48)].map((item, i) => ({
  ...item,
  id: `picture ${i}`,
  texts: [{ rows: 2, data: new Float32Array(12).fill(i / 10) }],
  ...(i % 3 === 0 && { isSided: true as const }),
  ...(i % 4 > 0 && { mask: item.pixels.subarray(0, item.height * item.width) }),
}));

/** What a run consists of: so many steps, which are saved, or which a kill loses. */
export type Part = number | { readonly lost: number };

export async function trainSwitched(
  engine: Engine,
  { config, remat }: Switched,
  parts: readonly Part[],
  microBatch = 2,
) {
  const source = createMemorySource(ITEMS);
  const shape = { batch: 1, height: 40, width: 40, textTokens: 8 };
  const { params, fixed, frozen: nets } = traceGradGraph(config, shape, { accumulate: false });
  const weights = nets.map(({ name, shape }) => [name, hashedWeight('squeeze', name, shape)] as const);
  const frozen: FrozenNets = Object.fromEntries(nets.map(({ net }) => [net, Object.fromEntries(weights)]));

  const open = (progress: Progress, tensors?: TrainingTensors) =>
    new Trainer(engine, config, source, microBatch, progress, tensors, { remat, frozen });
  const start = roughen(initialTensors({ specs: params, fixed, config, scalesLoss: false }));
  let [progress, tensors] = [EMPTY_PROGRESS, start];
  const reports: StepReport[] = [];
  for (const part of parts) {
    const trainer = open(progress, tensors);
    const steps = typeof part === 'number' ? part : part.lost;
    const taken: StepReport[] = [];
    for (let i = 0; i < steps; i++) taken.push(await trainer.step());
    if (typeof part === 'number') {
      reports.push(...taken);
      progress = trainer.progress;
      tensors = await trainer.tensors();
    }
    await trainer.dispose();
  }
  return { reports, tensors, progress, start };
}

/** Initial tensors with noise on all weights: gates and heads that begin at zero let no gradient into the blocks. */
function roughen(tensors: TrainingTensors): TrainingTensors {
  const model = Object.entries(tensors.model).map(([name, tensor]) => {
    const noise = new Float32Array(tensor.data.length);
    new RandomStream(1, `init ${name}`).fillNormal(noise);
    return [name, { ...tensor, data: Float32Array.from(tensor.data, (x, i) => x + 0.1 * (noise[i] ?? 0)) }] as const;
  });
  return { ...tensors, model: Object.fromEntries(model) };
}
