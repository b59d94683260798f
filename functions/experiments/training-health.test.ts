import { beforeEach, describe, expect, test } from 'vitest';
import { createTrainingLab, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { readHead } from './experiment-head.ts';
import { summarizeSteps } from './training-health.ts';

const BAD = { skipped: true, loss: null, reason: 'the loss is NaN' } as const;
const GOOD = { skipped: false, loss: 0.5 } as const;

let lab: TrainingLab;

beforeEach(() => {
  lab = createTrainingLab();
});

/** Trains 40 steps in chunks of 10 and 8 samples a step, with a log of its own. */
async function train(logOf: TrainingLab['runner']['logOf'], change: Readonly<Record<string, unknown>> = {}) {
  const run = { ...TOY_CONFIG.run, chunk_steps: 10 };
  const optimizer = { ...TOY_CONFIG.optimizer, total_samples: 320, learning_rate: 10 };
  await lab.create('toy', { ...TOY_CONFIG, optimizer, run, ...change });
  lab.runner.logOf = logOf;
  return lab.executor.callEffect('train', { experiment: 'toy' });
}

const headOf = async () => (await readHead(lab.store, 'toy')).value;
const fileOf = async (name: string) =>
  Buffer.from((await lab.store.get(`experiments/toy/${name}`))?.body ?? []).toString();

describe('a summary of steps', () => {
  test('counts skipped steps, and has the first loss and the median of the finite ones', () => {
    const rows = [
      { step: 1, ...GOOD },
      { step: 2, ...BAD },
      { step: 3, skipped: false, loss: 7 },
      { step: 4, loss: 9 },
    ];
    expect(summarizeSteps(rows)).toEqual({ skipped: 1, loss: { first: 0.5, median: 7 } });
  });

  test('of a good chunk has no count, and one without a loss has no loss', () => {
    expect(summarizeSteps([{ step: 1, ...GOOD }])).toEqual({ loss: { first: 0.5, median: 0.5 } });
    expect(summarizeSteps([{ step: 1, ...BAD }])).toEqual({ skipped: 1 });
  });

  test('steps in which f16 looks for its loss scale do not count, and those that no scale can help do', () => {
    const skip = { skipped: true, loss: 0.5 };
    const rows = [
      { step: 1, ...skip, loss_scale: 65536 },
      { step: 2, ...skip, loss_scale: 1 },
      { step: 3, ...BAD, loss_scale: 65536 },
      // Far above the last ones, and finite: the scale stays.
      { step: 4, ...skip, grad_norm: 900, loss_scale: 65536 },
    ];
    expect(summarizeSteps(rows)).toMatchObject({ skipped: 3 });
  });
});

describe('a training most of whose steps are skipped', () => {
  test('fails at the next border, with the count, advice and the call that goes on', async () => {
    const call = train(step => (step > 13 ? BAD : GOOD));
    await expect(call).rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining('7 of the last 10 steps were skipped'),
      hint: expect.stringContaining('lower optimizer.learning_rate (10 now)'),
    });
    const { state, problem, chunks } = await headOf();
    expect([state, chunks.length]).toEqual(['failed', 2]);
    // The checkpoint before it went wrong, and a learning rate that is usual.
    expect(problem?.hint).toContain(
      'POST /experiments/toy/branch {"name":"toy-2","from":10,"config":{"optimizer":{"learning_rate":0.002}}}',
    );
    expect(problem?.hint).toContain('POST /experiments/toy/train goes on');
  });

  test('the branch that the hint names is one that can be made', async () => {
    await expect(train(step => (step > 13 ? BAD : GOOD))).rejects.toThrow();
    const [, branch = ''] = /branch (\{.*?\}\}\})/.exec((await headOf()).problem?.hint ?? '') ?? [];
    expect(JSON.parse(branch)).toEqual({ name: 'toy-2', from: 10, config: { optimizer: { learning_rate: 0.002 } } });
    expect((await headOf()).history.map(({ step }) => step)).toContain(10);
  });

  test('fails at once when it never was good, and is told to begin anew', async () => {
    await expect(train(() => BAD)).rejects.toMatchObject({
      message: expect.stringContaining('10 of the last 10 steps'),
      hint: expect.stringContaining('create another experiment'),
    });
    expect((await headOf()).chunks).toHaveLength(1);
  });

  test('is never done: at its last step it has failed, and the same call says so again', async () => {
    const log = (step: number) => (step > 33 ? BAD : GOOD);
    await expect(train(log)).rejects.toThrow('7 of the last 10');
    const before = await headOf();
    expect(before).toMatchObject({ state: 'failed', target: 320 });
    await expect(lab.executor.callEffect('train', { experiment: 'toy' })).rejects.toThrow('7 of the last 10');
    expect(await headOf()).toEqual(before);
  });

  test('the same call goes on as it is, chunk by chunk', async () => {
    await expect(train(step => (step > 13 && step <= 20 ? BAD : GOOD))).rejects.toThrow();
    expect(await lab.executor.callEffect('train', { experiment: 'toy' })).toMatchObject({ state: 'done', step: 40 });
  });

  test('advises no checkpoint of a time when it had diverged already', async () => {
    await expect(
      train(step => (step > 13 ? BAD : GOOD), { run: { ...TOY_CONFIG.run, chunk_steps: 10, keep: 3 } }),
    ).rejects.toThrow();
    await expect(lab.executor.callEffect('train', { experiment: 'toy' })).rejects.toMatchObject({
      message: expect.stringContaining('10 of the last 10 steps'),
      hint: expect.stringContaining('"from":10,'),
    });
  });

  test('is told to begin anew after a second failure, too, when it never was good', async () => {
    await expect(train(() => BAD)).rejects.toThrow();
    await expect(lab.executor.callEffect('train', { experiment: 'toy' })).rejects.toMatchObject({
      hint: expect.stringContaining('create another experiment'),
    });
  });

  test('fails at its end when the whole run is shorter than what is usually judged', async () => {
    const optimizer = { ...TOY_CONFIG.optimizer, total_samples: 24 };
    await expect(train(() => BAD, { optimizer })).rejects.toThrow('3 of the last 3 steps');
  });

  test('chunks of a single step are judged together', async () => {
    const run = { ...TOY_CONFIG.run, chunk_steps: 1 };
    await expect(train(step => (step > 2 ? BAD : GOOD), { run })).rejects.toThrow('8 of the last 10 steps');
    expect((await headOf()).chunks).toHaveLength(10);
  });
});

describe('a training some of whose steps are skipped', () => {
  test('is done, with the count in the answer, the README and TensorBoard', async () => {
    const answer = await train(step => (step % 4 === 0 ? BAD : GOOD));
    const text = expect.stringContaining('10 of 40 steps were skipped');
    const notes = [{ code: 'skipped_steps', count: 10, text, examples: [] }];
    expect(answer).toMatchObject({ state: 'done', notes });
    expect(JSON.parse(await fileOf('index.json'))).toMatchObject({ state: 'done', notes });
    expect(await fileOf('README.md')).toContain('Note: 10 of 40 steps were skipped');
    expect(await fileOf('tensorboard/events.out.tfevents.0000000-0000010')).toContain('train/skipped');
  });

  test('a good one says nothing of it', async () => {
    const answer = await train(() => GOOD);
    expect(answer).not.toHaveProperty('notes');
    expect(await fileOf('README.md')).not.toMatch(/skipped|Note/);
  });

  test('tells the pictures to look at in the note, the newest first, and keeps a few in the head', async () => {
    const answer = await train(step => (step % 4 === 0 ? { ...BAD, suspects: [`${step}a`, `${step}b`] } : GOOD));
    const [note] = (answer as { notes: { text: string }[] }).notes;
    expect(note?.text).toMatch(/; pictures to look at: 32a, 32b, 36a and \d+ more$/);
    expect((await headOf()).chunks[1]).toMatchObject({
      skipped: 3,
      suspects: ['12a', '12b', '16a', '16b', '20a', '20b'],
    });
  });

  test.each([
    [0.2, 'failed', 20],
    [0.3, 'done', 40],
  ])('with run.max_skipped_share %d and a quarter skipped it is %s', async (share, state, steps) => {
    const run = { ...TOY_CONFIG.run, chunk_steps: 10, max_skipped_share: share };
    await train(step => (step % 4 === 0 ? BAD : GOOD), { run }).catch(() => {});
    const head = await headOf();
    expect([head.state, head.chunks.at(-1)?.to]).toEqual([state, steps]);
  });

  test('a single one is told in the singular', async () => {
    const answer = (await train(step => (step === 5 ? BAD : GOOD))) as { notes: { text: string }[] };
    expect(answer.notes[0]?.text).toMatch(
      /^1 of 40 steps was skipped: its gradient was not finite or far above the last ones/,
    );
  });
});

describe('a training whose loss explodes and stays finite', () => {
  const exploding = (step: number) => ({ skipped: false, loss: step > 12 ? 3e8 : 0.5 });

  test('fails at the next border with both losses', async () => {
    await expect(train(exploding)).rejects.toThrow('its loss was 0.5 at first, and is 300000000 by now');
    expect((await headOf()).state).toBe('failed');
  });

  test.each([
    ['that is high for a few steps', (step: number) => ({ skipped: false, loss: step % 4 === 0 ? 3e8 : 0.5 })],
    ['that was large from the start', () => ({ skipped: false, loss: 5000 })],
    ['that grows from almost nothing', (step: number) => ({ skipped: false, loss: step > 12 ? 5 : 1e-3 })],
  ])('a loss %s is none', async (_, logOf) => {
    expect(await train(logOf)).toMatchObject({ state: 'done', step: 40 });
  });

  test('is not judged by a sum of several losses, whose weights may grow', async () => {
    const objective = { losses: { flow_matching: { weight: 1 } } };
    expect(await train(exploding, { objective })).toMatchObject({ state: 'done' });
  });
});
