import { beforeEach, describe, expect, test } from 'vitest';
import { readHead } from '../experiments/experiment-head.ts';
import { ASKED_ENGINE, createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { branchExperiment } from './branch-experiment.ts';
import { createExperiment } from './create-experiment.ts';

let lab: TrainingLab;

beforeEach(() => {
  lab = createTrainingLab();
});

async function put(run: object, config: object = {}) {
  const dataset = await putToyDataset(lab.blobs);
  const whole = { ...TOY_CONFIG, ...config, run: { ...TOY_CONFIG.run, ...run } };
  return createExperiment(lab, 'toy', { config: whole, dataset, engine: ASKED_ENGINE });
}

const train = () => lab.executor.callEffect('train', { experiment: 'toy' });
const headOf = async () => (await readHead(lab.store, 'toy')).value;
const stepsOf = async () => (await headOf()).chunks.map(({ to }) => to);

async function checkpointOf(work: () => Promise<unknown>) {
  await put({});
  await work();
  return (await headOf()).checkpoint;
}

describe('a PUT with other keys of run', () => {
  test.each([
    ['chunk_steps', { chunk_steps: 2 }],
    ['keep', { keep: 3 }],
    ['preview.prompts', { preview: { prompts: ['a blue hat', 'a green hat'] } }],
  ])('run.%s is taken, and the checkpoints have the same digests', async (_, run) => {
    const undisturbed = await checkpointOf(train);
    lab = createTrainingLab();
    const disturbed = await checkpointOf(async () => {
      await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
      expect(await put(run)).toMatchObject({ created: false, config: { run } });
      await lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
    });
    expect(disturbed).toBe(undisturbed);
  });

  test('holds from the next chunk on, also while a driver trains', async () => {
    await put({});
    lab.runner.onStep = async step => {
      if (step === 5) await put({ chunk_steps: 2, keep: 3, preview: { prompts: [] } });
    };
    await train();
    expect(await stepsOf()).toEqual([4, 8, 10, 12, 14, 16]);
    const { chunks, history, state } = await headOf();
    expect(state).toBe('done');
    expect(history.map(({ step }) => step)).toEqual([10, 12, 14, 16]);
    // The chunk in flight ended as it had begun.
    expect(chunks.map(({ artifacts }) => 'preview' in artifacts)).toEqual([true, true, false, false, false, false]);
  });

  test('shows the new keys in config.yaml', async () => {
    await put({});
    await put({ chunk_steps: 3 });
    const yaml = Buffer.from((await lab.store.get('experiments/toy/config.yaml'))?.body ?? []).toString();
    expect(yaml).toContain('chunk_steps: 3');
  });

  test('leaves out keys to set them back to their defaults', async () => {
    await put({ keep: 5 });
    const dataset = await putToyDataset(lab.blobs);
    const config = { ...TOY_CONFIG, run: {} };
    const { config: now } = await createExperiment(lab, 'toy', { config, dataset, engine: ASKED_ENGINE });
    expect(now.run).toMatchObject({ chunk_steps: 100, keep: 2, preview: { prompts: [] } });
  });

  test.each([
    ['a seed', {}, { seed: 3 }, 'seed (0, not 3)'],
    ['a target', { target: 64 }, {}, 'run.target'],
  ])('is a conflict with another %s', async (_, run, config, text) => {
    await put({});
    const before = await headOf();
    await expect(put({ chunk_steps: 2, ...run }, config)).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining(text),
    });
    expect(await headOf()).toEqual(before);
  });
});

describe('a branch', () => {
  const branch = (config: object) => branchExperiment(lab, 'toy', { name: 'twig', from: 4, config: { ...config } });

  beforeEach(async () => {
    await put({});
    await lab.executor.callEffect('train', { experiment: 'toy', target: 32 });
  });

  test('is found again after the keys of its parent changed, and keeps its own', async () => {
    await branch({ optimizer: { learning_rate: 1e-4 } });
    await put({ chunk_steps: 2 });
    const again = await branch({ optimizer: { learning_rate: 1e-4 } });
    expect(again).toMatchObject({ created: false, config: { run: { chunk_steps: 4 } } });
  });

  test('takes other keys of run from the same call', async () => {
    await branch({});
    expect(await branch({ run: { chunk_steps: 2 } })).toMatchObject({
      created: false,
      config: { run: { chunk_steps: 2, keep: 1 } },
    });
    await expect(branch({ optimizer: { learning_rate: 1e-4 } })).rejects.toMatchObject({ status: 409 });
  });
});
