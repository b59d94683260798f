import { beforeEach, describe, expect, test } from 'vitest';
import { fakePlan } from '../testing/plans.ts';
import { createTrainingLab, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { readHead } from './experiment-head.ts';

const GB = 2 ** 30;
const BATCH = { ...TOY_CONFIG, data: { batch_size: 8 } };
/** A network whose upper bound is far above 8 GB, and whose lower bound is below. */
const LARGE = { ...BATCH, model: { ...TOY_CONFIG.model, hidden_size: 1024, depth: 16, num_heads: 8, patch_size: 8 } };

let lab: TrainingLab;

beforeEach(() => {
  lab = createTrainingLab();
  lab.runner.onPlan = fakePlan;
});

const planOf = async (name: string) => (await readHead(lab.store, name)).value.plan;
const auto = { name: 'reference' } as const;

describe('the plan of a new experiment', () => {
  test('is the usual one, without a plan job, when the bounds say that it fits or nobody knows the memory', async () => {
    await lab.create('unknown', LARGE, auto);
    lab.runner.memoryBytes = 8 * GB;
    await lab.create('small', BATCH, auto);
    for (const name of ['unknown', 'small']) {
      expect(await planOf(name), name).toEqual({ micro_batch: 8, gradient_checkpointing: false });
    }
    expect(lab.runner.computed).toEqual([]);
  });

  test('is the largest that fits when the bounds leave it open', async () => {
    lab.runner.memoryBytes = 6 * GB;
    await lab.create('cut', LARGE, auto);
    expect(await planOf('cut')).toEqual({ micro_batch: 4, gradient_checkpointing: false });
    expect(lab.runner.computed).toEqual(['plan']);
    await lab.create('again', { ...LARGE, seed: 3, optimizer: { ...LARGE.optimizer, learning_rate: 1e-4 } }, auto);
    expect(lab.runner.computed).toEqual(['plan']);
  });

  test('is as asked for, or is refused with what fits', async () => {
    lab.runner.memoryBytes = 6 * GB;
    await lab.create('asked', LARGE, { ...auto, micro_batch: 2, gradient_checkpointing: true });
    expect(await planOf('asked')).toEqual({ micro_batch: 2, gradient_checkpointing: true });
    await expect(lab.create('wide', LARGE, { ...auto, micro_batch: 8 })).resolves.toBeUndefined();
    expect(await planOf('wide')).toEqual({ micro_batch: 8, gradient_checkpointing: true });
    const strict = { ...auto, micro_batch: 8, gradient_checkpointing: false } as const;
    await expect(lab.create('strict', LARGE, strict)).rejects.toMatchObject({
      status: 422,
      message: 'the training takes 9.0 GiB, and reference has 6.0 GiB, of which 5.3 GiB may be used',
      hint: expect.stringContaining('engine.micro_batch 4 takes 5.0 GiB; the preset '),
    });
  });

  test('is refused at once when the state alone does not fit', async () => {
    lab.runner.memoryBytes = 2 * GB;
    await expect(lab.create('huge', LARGE, auto)).rejects.toMatchObject({
      status: 422,
      message: expect.stringMatching(/^the training takes at least \d\.\d GiB, and reference has 2\.0 GiB/),
      hint: expect.stringContaining('easel preflight'),
    });
    expect(lab.runner.computed).toEqual([]);
  });

  test('on an engine that compiles is predicted, and the one of a preflight if there was one', async () => {
    lab.runner.onPlan = job => (job.quick ? fakePlan({ ...job, memory_bytes: 5 * GB }) : fakePlan(job));
    lab.runner.memoryBytes = Math.round(5.74 * GB);
    lab.runner.moreEngines = [{ name: 'xla/cuda', available: true, version: '1', precisions: ['bf16'] }];
    const createOnCard = async (name: string) => {
      await lab.create(name, LARGE, 'xla/cuda');
      return planOf(name);
    };
    expect(await createOnCard('early')).toEqual({ micro_batch: 2, gradient_checkpointing: false });
    expect(lab.runner.computed).toEqual(['plan']);
    const { dataset } = (await readHead(lab.store, 'early')).value;
    await lab.executor.callEffect('preflight', { config: LARGE, dataset, engine: 'xla/cuda' });
    expect(await createOnCard('late')).toEqual({ micro_batch: 4, gradient_checkpointing: false });
    expect(lab.runner.computed).toEqual(['plan', 'plan']);
    const wide = { ...LARGE, data: { batch_size: 16 } };
    const cut = { micro_batch: 16, gradient_checkpointing: false };
    await lab.executor.callEffect('preflight', { config: wide, dataset, engine: 'xla/cuda', ...cut });
    await expect(lab.create('wide', wide, { name: 'xla/cuda', ...cut })).rejects.toThrow('17.0 GiB');
  });

  test('is that of the old experiment when an equal PUT finds it, however large', async () => {
    await lab.create('old', LARGE, auto);
    lab.runner.memoryBytes = GB;
    await lab.create('old', LARGE, auto);
    expect(await planOf('old')).toEqual({ micro_batch: 8, gradient_checkpointing: false });
  });
});

describe('patches of 2 pixels', () => {
  const config = (side: number, patch_size: number) => ({
    ...BATCH,
    model: { ...TOY_CONFIG.model, patch_size, patch_overlap: 0, conditions: {} },
    data: { batch_size: 8, image_size: { width: side, height: side } },
  });

  test('are refused above 64 pixels, with the figures of both sizes', async () => {
    await expect(lab.create('fine', config(1024, 2))).rejects.toMatchObject({
      status: 422,
      message: expect.stringMatching(/patches of 2 pixels in pictures of 1024 x 1024 are 262,144 tokens, .* TFLOP/),
      hint: expect.stringMatching(/model.patch_size 16: 4,096 tokens, .* hours on an RTX 4090/),
    });
    await expect(lab.create('many', config(1024, 4))).rejects.toThrow('65,536 tokens');
    await lab.create('small', config(64, 2));
  });
});
