import { expect, test } from 'vitest';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import { compileOnce } from '../engines/testing/compile-once.ts';
import { wrapRuns } from '../engines/testing/wrap-runs.ts';
import { createMemorySource } from './source.ts';
import { tinyConfig, tinyItems } from './testing/tiny.ts';
import { EMPTY_PROGRESS, type Progress, Trainer } from './trainer.ts';

const CONDITIONS = {
  text: { encoder: 'words', dim: 6, tokens: 8 },
  cls: { encoder: 'dinov3', dim: 5 },
  patches: { encoder: 'dinov3', dim: 3, stride: 4 },
  pose: { joints: 133 },
};
const DATA = {
  batch_size: 4,
  horizontal_flip_prob: 0.5,
  crop_jitter: 4,
  condition_noise: { text: 0.1, cls: 0.2, patches: 0.1 },
  caption_variants: 'all',
  bucket_sampling: 'uniform',
  resolution_schedule: [{ until_step: 1, scale: 0.5 }],
};
const config = tinyConfig({ data: DATA, model: { conditions: CONDITIONS } });
const source = createMemorySource(
  [...tinyItems(5, 24, 24), ...tinyItems(4, 16, 32)].map((item, i) => ({
    ...item,
    id: `picture ${i}`,
    texts: [{ rows: 2, data: new Float32Array(12).fill(i) }],
    ...(i % 3 === 0 && { isSided: true as const }),
  })),
);

const onnxRuntime = compileOnce(createOnnxRuntimeEngine({ threads: 1 }));

/** Takes steps with every variation on, and remembers what the network was fed. */
async function train(steps: number, microBatch: number, from?: { progress: Progress; tensors: object }) {
  const fed: Record<string, number[]> = {};
  const engine = wrapRuns(onnxRuntime, run => async (state, inputs) => {
    if (inputs.x0) {
      for (const [name, { data }] of Object.entries(inputs)) {
        if (name.startsWith('weight')) continue;
        fed[name] = [...(fed[name] ?? []), ...data];
      }
    }
    return run(state, inputs);
  });
  const tensors = from?.tensors as never;
  const trainer = new Trainer(engine, config, source, microBatch, from?.progress ?? EMPTY_PROGRESS, tensors);
  const sizes: unknown[] = [];
  for (let i = 0; i < steps; i++) {
    const fedBefore = fed.x0?.length ?? 0;
    await trainer.step();
    sizes.push((fed.x0?.length ?? 0) - fedBefore);
  }
  const end = { progress: trainer.progress, tensors: await trainer.tensors() };
  await trainer.dispose();
  return { fed, end, sizes };
}

test('with every variation, steps are equal to the bit whether the training was stopped between them or not', async () => {
  const whole = await train(4, 2);
  const half = await train(2, 2);
  const resumed = await train(2, 2, half.end);
  expect(resumed.end).toEqual(whole.end);
  // The pictures of the first update have half the sides: 8 x 8 or 4 x 12 pixels.
  expect(whole.sizes[0]).toBeLessThan(Number(whole.sizes[1]) / 2);
  for (const [name, numbers] of Object.entries(whole.fed)) {
    expect([...(half.fed[name] ?? []), ...(resumed.fed[name] ?? [])], name).toEqual(numbers);
  }
});

test('the samples of an update do not depend on how it is cut into micro-batches', async () => {
  const [coarse, fine] = [await train(3, 4), await train(3, 1)];
  expect(Object.keys(coarse.fed)).toContain('patches');
  expect(fine.fed).toEqual(coarse.fed);
});
