/** @file A lab whose gpu-runner measures LPIPS by the net squeeze with random weights, which its store has. */
import { encodeSafetensors } from '../../formats/safetensors.ts';
import type { Engine } from '../../gpu-runner/compiler/engine.ts';
import type { Tensor } from '../../gpu-runner/compiler/tensor.ts';
import { trace } from '../../gpu-runner/compiler/trace.ts';
import { lpipsDistance } from '../../gpu-runner/encoders/lpips/distance.ts';
import { hashedWeight } from '../../gpu-runner/encoders/lpips/testing/hashed-numbers.ts';
import { createDistanceJob } from '../../gpu-runner/jobs/distance.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { createTrainingLab, type TrainingLab } from './training.ts';

/** A gpu-runner that computes distances on an engine, and everything else as in other tests. */
export async function createLpipsLab(engine: Engine): Promise<TrainingLab> {
  const lab = createTrainingLab();
  const job = createDistanceJob();
  const { run } = lab.runner;
  lab.runner.run = (action, asked, options) => {
    if (asked.kind !== 'distance') return run(action, asked, options);
    const openSource = () => Promise.reject(new Error('no dataset is expected'));
    const breathe = async () => 'continue' as const;
    return job({ blobs: lab.blobs, engine: async () => engine, openSource, progress: () => {}, breathe }, asked);
  };
  const tensors: Record<string, Tensor> = {};
  trace(builder => {
    const picture = builder.input('picture', { shape: [1, 3, 32, 32], dtype: 'f32' });
    const distance = lpipsDistance(picture, picture, 'squeeze', (name, shape) => {
      tensors[name] ??= hashedWeight('squeeze', name, shape);
      return builder.state(name, { shape, dtype: 'f32' });
    });
    return { outputs: { distance } };
  });
  const { digest } = await lab.blobs.put(encodeSafetensors(tensors));
  const license = { name: 'BSD-2-Clause', read_in: 'a test' };
  await createRefs(lab.store).models.create('lpips-squeeze', {
    ...{ v: 1, weights: { heads: [digest] }, source: 'random numbers', license },
  });
  return lab;
}
