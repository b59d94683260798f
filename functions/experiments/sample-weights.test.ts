import { beforeEach, describe, expect, test } from 'vitest';
import { listKept } from '../../storage/list-kept.ts';
import { createTrainingLab, listKeys, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { readHead } from './experiment-head.ts';
import { findTraces, resolveWeights } from './sample-weights.ts';

let lab: TrainingLab;

beforeEach(() => {
  lab = createTrainingLab();
});

const headOf = async () => (await readHead(lab.store, 'toy')).value;

/** 40 steps in chunks of 4. */
async function train(optimizer: object, run: object = {}) {
  await lab.create('toy', {
    ...TOY_CONFIG,
    optimizer: { ...TOY_CONFIG.optimizer, total_samples: 320, ...optimizer },
    run: { ...TOY_CONFIG.run, chunk_steps: 4, keep: 1, preview: {}, ...run },
  });
  return lab.executor.callEffect('train', { experiment: 'toy' });
}

describe('checkpoints that are spread over a run', () => {
  test('stay beside the newest, are places to branch from, and bound what is stored', async () => {
    await train({}, { keep_spaced: 4 });
    const head = await headOf();
    expect(head.spaced).toHaveLength(4);
    const steps = listKept(head).map(({ step }) => step);
    expect(steps.slice(-2)).toEqual([36, 40]);
    expect(steps[0]).toBeLessThan(20);
    expect(head.superseded).toEqual([]);
    const bodies = await Promise.all((await listKeys(lab.store, 'cas/')).map(key => lab.store.get(key)));
    const manifests = bodies.filter(found => Buffer.from(found?.body ?? []).includes('"kind":"checkpoint"')).length;
    expect(manifests).toBe(steps.length);
  });

  test('none are kept by default', async () => {
    await train({});
    expect(await headOf()).not.toHaveProperty('spaced');
  });
});

describe('the weights of a picture', () => {
  test('of another length are a sum of the stored power traces, told about when it is rough', async () => {
    await train({ ema_gammas: [6.94, 16.97] }, { keep_spaced: 8 });
    const checkpoint = (await headOf()).checkpoint ?? expect.fail();
    const weights = { sigma_rel: 0.12 };
    const traces = await findTraces(lab, 'toy', weights);
    expect(traces?.length).toBeGreaterThanOrEqual(8);
    const good = await resolveWeights(lab.blobs, { checkpoint, weights, traces });
    const used = typeof good.weights === 'object' && 'traces' in good.weights ? good.weights.traces : [];
    expect(used.reduce((sum, { factor }) => sum + factor, 0)).toBeCloseTo(1, 5);
    expect(new Set(used.map(({ average }) => average))).toEqual(new Set([0, 1]));
    expect(good.notes).toEqual([]);
    const alone = await resolveWeights(lab.blobs, { checkpoint, weights: { sigma_rel: 0.25 } });
    expect(alone.notes[0]?.text).toMatch(/only roughly: its profile is \d+ % off; run\.keep_spaced/);
  });

  test('are never made of another training, with whose weights this one began', async () => {
    await train({});
    const origin = await headOf();
    await lab.create('new', { ...TOY_CONFIG, init_from: { experiment: 'toy', step: 36 } });
    await lab.executor.callEffect('train', { experiment: 'new' });
    const traces = await findTraces(lab, 'new', { sigma_rel: 0.1 });
    expect(traces).toHaveLength(2);
    for (const { checkpoint } of listKept(origin)) expect(traces).not.toContain(checkpoint);
  });

  test('are refused when the training has no such average', async () => {
    await train({ ema_decays: [{ decay: 0.999 }] });
    const checkpoint = (await headOf()).checkpoint ?? expect.fail();
    expect(await resolveWeights(lab.blobs, { checkpoint, weights: { average: 1 } })).toMatchObject({ notes: [] });
    await expect(resolveWeights(lab.blobs, { checkpoint, weights: { average: 2 } })).rejects.toThrow('no average 2');
  });

  test('of the seed are told about: a decay of 0.9999 looks back over more than a tenth of the run', async () => {
    const answer = await train({ ema_decays: [{ decay: 0.9999, warmup_steps: 20 }] });
    expect(answer).toMatchObject({
      notes: [
        { code: 'long_average', text: expect.stringContaining('100 % of it is from the 20 steps of its warm-up') },
      ],
    });
  });

  test('of previews are those that the config names', async () => {
    const preview = { prompts: ['a cat'], steps: 1, weights: { sigma_rel: 0.1 } };
    await train({ ema_gammas: [6.94, 16.97] }, { preview, keep_spaced: 4, chunk_steps: 20 });
    const [newest = ''] = (await listKeys(lab.store, 'experiments/toy/previews/')).filter(key =>
      /40.index.json/.test(key),
    );
    const index = Buffer.from((await lab.store.get(newest))?.body ?? []).toString();
    expect(JSON.parse(index)).toMatchObject({ weights: { sigma_rel: 0.1 } });
  });
});
