import { beforeEach, describe, expect, test } from 'vitest';
import { decodeSafetensors } from '../formats/safetensors.ts';
import type { SampleJob } from '../gpu-runner/protocol.ts';
import type { Digest } from '../storage/digest.ts';
import { readHeldOutIndex } from './experiments/border/held-out-step.ts';
import { readHead } from './experiments/experiment-head.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { decodeRgb } from './pictures/image.ts';
import { ASKED_ENGINE, createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

let lab: TrainingLab;
const sampled: SampleJob[] = [];
const weightsOf = (network: SampleJob['network']) => ('weights' in network ? network.weights : undefined);

beforeEach(() => {
  lab = createTrainingLab();
  sampled.length = 0;
  const { run } = lab.runner;
  lab.runner.run = (action, job, options) => {
    if (job.kind === 'sample') sampled.push(job);
    return run(action, job, options);
  };
});

async function trainWith(dataset: Digest, run: object, target = 64, more: object = {}) {
  const config = { ...TOY_CONFIG, ...more, run: { ...TOY_CONFIG.run, preview: { prompts: [], steps: 2 }, ...run } };
  await createExperiment(lab, 'toy', { config, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target });
  const { chunks } = (await readHead(lab.store, 'toy')).value;
  return Promise.all(
    chunks.map(async ({ artifacts }) => artifacts.held_out && readHeldOutIndex(lab.blobs, artifacts.held_out)),
  );
}

describe('the held-out pictures of a training', () => {
  const sizes = [16, 16, 16, 24, 16].map(side => ({ width: side, height: 16 }));

  test('are the first of the split val, each beside its sample from all its signals and the same noise', async () => {
    const dataset = await putToyDataset(lab.blobs, { sizes, heldOut: 4 });
    const indexes = await trainWith(dataset, { held_out_pictures: 3 });
    expect(indexes).toHaveLength(2);
    const [first, second] = indexes;
    const ids = first?.pictures.map(({ id }) => Number.parseInt(id, 16));
    expect(ids).toEqual([1, 2, 3]);
    expect(second?.pictures.map(({ id }) => Number.parseInt(id, 16))).toEqual(ids);
    expect(first?.pictures[0]?.signals).toEqual(['text', 'cls', 'patches']);
    // One job for each size; every picture keeps its place in the noise.
    const told = sampled.map(({ width, first: from, network, seed }) => [width, from, weightsOf(network), seed]);
    expect(told).toEqual([
      [16, 0, 'ema', 0],
      [24, 2, 'ema', 0],
      [16, 0, 'ema', 0],
      [24, 2, 'ema', 0],
    ]);
    const { tensors: rows } = decodeSafetensors(await lab.blobs.get(sampled[0]?.conditions ?? dataset));
    expect(rows.text?.shape).toEqual([2, 64, 192]);
    expect(rows.patches?.shape).toEqual([2, 2, 2, 27]);

    for (const picture of first?.pictures ?? []) {
      const pair = await decodeRgb(await lab.blobs.get(picture.image.digest));
      expect([pair.width, pair.height]).toEqual([picture.id.endsWith('3') ? 48 : 32, 16]);
    }
    const file = await lab.store.get('experiments/toy/held-out/step0000004/000.png');
    expect(Buffer.from(file?.body ?? '')).toEqual(
      Buffer.from(await lab.blobs.get(first?.pictures[0]?.image.digest ?? dataset)),
    );
    const readme = await lab.store.get('experiments/toy/README.md');
    expect(Buffer.from(readme?.body ?? '').toString()).toContain('held-out/: 3 pictures of the split val');
  });

  test('are none in a dataset without the split, and change no bit of the training', async () => {
    const dataset = await putToyDataset(lab.blobs, { sizes, heldOut: 0 });
    const [index] = await trainWith(dataset, { held_out_pictures: 3 });
    expect(index?.pictures).toEqual([]);
    const { checkpoint } = (await readHead(lab.store, 'toy')).value;
    lab = createTrainingLab();
    await putToyDataset(lab.blobs, { sizes, heldOut: 0 });
    await trainWith(dataset, {});
    expect((await readHead(lab.store, 'toy')).value.checkpoint).toBe(checkpoint);
  });

  test.each([
    ['raw', 'raw'],
    [{ average: 1 }, { average: 1 }],
    [{ sigma_rel: 0.1 }, { traces: expect.any(Array) }],
  ])('are drawn with the weights of run.preview: %j', async (weights, drawn) => {
    const dataset = await putToyDataset(lab.blobs, { sizes, heldOut: 4 });
    const preview = { prompts: ['a red hat'], steps: 2, weights };
    const optimizer = { ...TOY_CONFIG.optimizer, ema_gammas: [16.97, 6.94] };
    const [index] = await trainWith(dataset, { held_out_pictures: 1, preview }, 32, { optimizer });
    expect(index?.weights).toEqual(weights);
    expect(sampled.map(({ network }) => weightsOf(network))).toEqual([drawn, drawn]);
  });
});
