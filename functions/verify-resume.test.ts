import { beforeEach, describe, expect, test } from 'vitest';
import { readHead } from './experiments/experiment-head.ts';
import { createTrainingLab, listKeys, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

let lab: TrainingLab;

beforeEach(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
});

const check = (body: Readonly<Record<string, string | number>>) =>
  lab.executor.callEffect('verify-resume', { experiment: 'toy', ...body });

describe('verify-resume', () => {
  test('finds the same checkpoint with and without a stop, and leaves the experiment and its results alone', async () => {
    await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
    const head = await readHead(lab.store, 'toy');
    const results = await listKeys(lab.store, 'actions/');
    lab.runner.computed.length = 0;
    const answer = await check({ steps: 8, stop: 3 });
    expect(answer).toMatchObject({ ok: true, from: 0, stop: 3, to: 8, log_is_equal: true, differs: [] });
    // Trained anew, though the experiment has been there, and the stopped one goes on from its stored checkpoint.
    expect(lab.runner.computed).toEqual(['train 0-3', 'train 0-8', 'train 3-8']);
    expect(answer).toMatchObject({ without_stop: head.value.checkpoint, with_stop: head.value.checkpoint });
    expect(await readHead(lab.store, 'toy')).toEqual(head);
    expect(await listKeys(lab.store, 'actions/')).toEqual(results);
  });

  test('begins at a kept checkpoint, and at the checkpoint that a branch began at', async () => {
    await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
    expect(await check({ from: 'latest', steps: 4 })).toMatchObject({ ok: true, from: 8, stop: 10, to: 12 });
    await expect(check({ from: 2, steps: 4 })).rejects.toThrow('keeps no checkpoint of step 2');
  });

  test('tells which parts differ when a resumed training is another one', async () => {
    let fifthSteps = 0;
    lab.runner.logOf = step => ({ loss: fifthSteps === 2 && step > 5 ? 2 : 1 / step });
    lab.runner.onStep = step => {
      if (step === 5) fifthSteps++;
    };
    expect(await check({ steps: 8 })).toMatchObject({ ok: false, log_is_equal: false, differs: [] });
  });

  test('refuses a stop that is none, and steps beyond the run', async () => {
    await expect(check({ steps: 4, stop: 4 })).rejects.toThrow('is none');
    await expect(check({ steps: 17 })).rejects.toThrow('which ends at step 16');
    expect(TOY_CONFIG.optimizer.total_samples).toBe(16 * 8);
  });
});
