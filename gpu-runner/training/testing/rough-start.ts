import type { KeyedConfig } from '../../../configs/schema.ts';
import { RandomStream } from '../../../numerics/random-stream.ts';
import { createReferenceEngine } from '../../engines/reference/engine.ts';
import type { TrainingTensors } from '../load-state.ts';
import { EMPTY_PROGRESS, Trainer } from '../trainer.ts';
import { tinySource } from './tiny.ts';

/**
 * The initial tensors of a training, with normal numbers added to all weights. Gates and the head start at 0, and
 * gradients inside the blocks are 0 as long as they are: tests of blocks need a start that is nowhere 0.
 */
export async function roughStart(config: KeyedConfig): Promise<TrainingTensors> {
  const trainer = new Trainer(createReferenceEngine(), config, tinySource(), 1, EMPTY_PROGRESS);
  const tensors = await trainer.tensors();
  await trainer.dispose();
  const model = Object.entries(tensors.model).map(([name, tensor]) => {
    const noise = new Float32Array(tensor.data.length);
    new RandomStream(1, `init ${name}`).fillNormal(noise);
    return [name, { ...tensor, data: Float32Array.from(tensor.data, (x, i) => x + 0.2 * (noise[i] ?? 0)) }] as const;
  });
  const rough = new Map(model);
  const ema = Object.entries(tensors.ema).map(
    ([name, tensor]) => [name, rough.get(name.slice(name.indexOf('.') + 1)) ?? tensor] as const,
  );
  return { ...tensors, model: Object.fromEntries(model), ema: Object.fromEntries(ema) };
}
