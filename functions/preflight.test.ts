import { beforeEach, describe, expect, test } from 'vitest';
import { preflightSchema } from '../configs/preflight.ts';
import { Unprocessable } from '../errors.ts';
import { fakePlan } from './testing/plans.ts';
import { createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const GB = 2 ** 30;
let lab: TrainingLab;

beforeEach(() => {
  lab = createTrainingLab();
  lab.runner.onPlan = fakePlan;
  lab.runner.memoryBytes = 64 * GB;
});

const check = async (body: Readonly<Record<string, unknown>>) =>
  preflightSchema.parse(await lab.executor.callEffect('preflight', JSON.parse(JSON.stringify(body))));

describe('preflight', () => {
  test('tells memory, work, hours, passes and disk of a preset on a card that is not here', async () => {
    const answer = await check({ config: 'prod-1', card: 'rtx-4090', pictures: 10_000 });
    expect(answer).toMatchObject({
      verdict: 'fits',
      problems: [
        'each picture is seen 154 times: beyond 150, expect that it is remembered; take more pictures or fewer samples',
      ],
      device: {
        engine: 'xla/cuda',
        precision: 'bf16',
        name: 'NVIDIA GeForce RTX 4090',
        memory_bytes: 24_564 * 2 ** 20,
      },
      memory: { plan: { micro_batch: 8 } },
      work: { samples: 1_536_000, updates: 6000, image_tokens: 1024, flops_per_update: 256 * 3e9 + 1e9 },
      time: { basis: 'stated', utilization: 0.45 },
      disk: { checkpoints: 4, checkpoint_bytes: GB / 2 },
    });
    const { hours = 0, least_hours = 0, beside } = answer.time;
    expect(hours).toBeCloseTo((6000 * (256 * 3e9 + 1e9)) / (0.45 * 165.2e12) / 3600, 6);
    expect(least_hours / hours).toBeCloseTo(0.45, 6);
    expect(beside).toBeUndefined();
  });

  test('refuses a micro-batch that does not divide the update, as an experiment does', async () => {
    await expect(check({ config: 'prod-1', card: 'rtx-4090', micro_batch: 7 })).rejects.toThrow(
      'micro_batch 7 does not divide data.batch_size 256',
    );
  });

  test('answers the schedule of the seed beside its 14 days', async () => {
    const { time } = await check({ config: 'seed-768', card: 'rtx-4090' });
    expect(time.beside).toContain('14 days');
  });

  test('takes signals and sizes from a dataset, and the speed from a training on an equal engine', async () => {
    const dataset = await putToyDataset(lab.blobs);
    const unknown = await check({ config: TOY_CONFIG, dataset });
    expect(unknown).toMatchObject({ verdict: 'fits', time: { basis: 'unknown' }, device: { engine: 'reference' } });
    await lab.create('toy');
    await lab.executor.callEffect('train', { experiment: 'toy', target: 32 });
    const answer = await check({ config: TOY_CONFIG, dataset });
    expect(answer.time).toMatchObject({ basis: 'measured', source: 'the experiment toy' });
    expect(answer.time.hours).toBeGreaterThan(0);
    expect(answer.problems).toEqual([]);
    // An update of 8 samples took 80 ms, of which products took 25; the rest moved 9 MB. One of 16 moves 17.
    const twice = await check({ config: { ...TOY_CONFIG, data: { batch_size: 16 } }, dataset });
    expect([answer, twice].map(({ time }) => time.seconds_per_update)).toEqual([
      expect.closeTo(0.08, 9),
      expect.closeTo(0.049 + (0.055 * 17) / 9, 9),
    ]);
    const larger = { ...TOY_CONFIG, data: { batch_size: 8, image_size: { width: 32, height: 32 } } };
    expect((await check({ config: larger, dataset })).problems).toEqual([
      'the pictures of the dataset have 16 x 16 pixels, and data.image_size says 32 x 32',
    ]);
  });

  test('takes a recipe without a size at one for the pictures of the dataset', async () => {
    const dataset = await putToyDataset(lab.blobs, { side: 64 });
    expect(await check({ config: 'seed', dataset })).toMatchObject({ problems: [], work: { image_tokens: 64 } });
  });

  test('offers what fits when the asked cut does not', async () => {
    const asked = { micro_batch: 8, gradient_checkpointing: false };
    const answer = await check({ config: 'tiny-b', ...asked, memory_gib: 6 });
    expect(answer).toMatchObject({
      verdict: 'too large',
      problems: ['the training takes 9.0 GiB, and 5.3 GiB may be used'],
      offers: ['engine.micro_batch 4 takes 5.0 GiB', 'the preset tiny-a is smaller'],
    });
  });

  test('refuses patches of 2 pixels with figures, and plans nothing', async () => {
    const config = { preset: 'seed-768', model: { patch_size: 2 } };
    const answer = await check({ config, card: 'rtx-4090' });
    expect(answer.verdict).toBe('too large');
    expect(answer.problems[0]).toContain('262,144 tokens');
    expect(answer.offers[0]).toContain('model.patch_size 16');
    expect(lab.runner.computed).toEqual([]);
  });

  test('refuses signals of more tokens than a training can attend to, and plans nothing', async () => {
    const text = { encoder: 'words', dim: 192, tokens: 100_000_000 };
    const answer = await check({ config: { preset: 'tiny-b', model: { conditions: { text } } } });
    expect(answer.verdict).toBe('too large');
    expect(answer.problems[0]).toBe('the signals of a picture of 64 x 64 pixels are 100,000,000 tokens');
    expect(lab.runner.computed).toEqual([]);
  });

  test('refuses a network whose state alone exceeds the memory, and plans nothing', async () => {
    const config = { preset: 'tiny-b', model: { depth: 512, hidden_size: 9600 } };
    const answer = await check({ config, pictures: 1000 });
    expect(answer).toMatchObject({ verdict: 'too large', offers: ['the preset prod-2 is smaller'] });
    expect(answer.problems[0]).toMatch(/^the training takes at least \d+\.\d GiB, and 63\.0 GiB may be used$/);
    expect(lab.runner.computed).toEqual([]);
  });

  test('tells all but the memory when the machine cannot find it, and why', async () => {
    lab.runner.onPlan = undefined;
    const answer = await check({ config: 'prod-0', card: 'h100', pictures: 50_000 });
    expect(answer).toMatchObject({ verdict: 'unknown', problems: ['this runner has no planner'] });
    expect(answer.memory).toBeUndefined();
    expect(answer.work.flops_per_sample).toBeGreaterThan(1e11);
    expect(answer.time.hours).toBeGreaterThan(0);
    lab.runner.memoryBytes = undefined;
    expect((await check({ config: 'tiny-b' })).problems[0]).toContain('does not say how much memory');
  });

  test('predicts the memory when the machine cannot compile, and says why', async () => {
    lab.runner.onPlan = job => {
      if (job.quick) return fakePlan(job);
      throw new Unprocessable('ptxas is missing', { hint: 'install it' });
    };
    const small = await check({ config: 'prod-1', card: 'rtx-4090', pictures: 50_000 });
    expect(small).toMatchObject({ verdict: 'fits', problems: ['ptxas is missing'], offers: ['install it'] });
    expect(small.memory?.basis).toBe('predicted');
    const cut = { micro_batch: 8, gradient_checkpointing: false };
    const large = await check({ config: 'prod-1', card: 'rtx-4090', memory_gib: 6, ...cut });
    expect(large.verdict).toBe('unknown');
  });

  test('refuses an unknown card, preset or key', async () => {
    await expect(check({ config: 'prod-1', card: 'rtx-4900' })).rejects.toThrow('did you mean "rtx-4060"?');
    await expect(check({ config: 'prod-9' })).rejects.toThrow('there is no preset');
    await expect(check({ config: 'prod-1', cards: 1 })).rejects.toThrow(/unknown key/);
  });
});
