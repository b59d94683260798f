import { beforeEach, describe, expect, test } from 'vitest';
import { putDocument } from '../../storage/blobs/document-blobs.ts';
import { digestOf } from '../../storage/digest.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { createTrainingLab, fakeValidation, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { readMetrics } from '../views/metrics.ts';
import { findSpikes, noteAlarms } from './alarms.ts';
import { readHead } from './experiment-head.ts';

/** Losses that vary as those of batches do: between 0.8 and 1.2 times their mean. */
const noisy = (step: number) => 0.8 + 0.4 * ((Math.imul(step, 2_654_435_761) >>> 0) / 2 ** 32);
const rowsOf = (lossOf: (step: number) => number | null, count = 100) =>
  Array.from({ length: count }, (_, i) => ({ step: i + 1, loss: lossOf(i + 1) }));

describe('spikes', () => {
  test('are steps whose loss leaps above those before, with how far', () => {
    const [spike, ...others] = findSpikes(rowsOf(step => noisy(step) * (step === 60 ? 4 : 1)));
    expect([spike?.step, others]).toEqual([60, []]);
    expect(spike?.times).toBeGreaterThan(3);
    expect(spike?.times).toBeLessThan(5);
  });

  test.each([
    ['a loss that varies', noisy],
    ['one that falls from a high start', (step: number) => noisy(step) * (1 + 20 * Math.exp(-step / 15))],
    ['one that grows slowly', (step: number) => noisy(step) * (1 + step / 50)],
    ['one of single pictures, which vary by ten times', (step: number) => 10 ** (2.5 * (noisy(step) - 1))],
    ['a leap in the first steps of a chunk', (step: number) => (step === 8 ? 9 : noisy(step))],
  ])('%s has none', (_, lossOf) => {
    expect(findSpikes(rowsOf(lossOf))).toEqual([]);
  });

  test('a loss that was not finite is none, and no measure of others', () => {
    expect(findSpikes(rowsOf(step => (step % 2 === 0 ? null : noisy(step))))).toEqual([]);
  });
});

type Losses = readonly (readonly [heldOut: number, train: number])[];
const headOf = (losses: Losses, former: ExperimentHead['former_datasets'] = []) => ({
  former_datasets: former,
  chunks: losses.map(([held_out, train], i) => ({
    from: 100 * i,
    to: 100 * (i + 1),
    log: digestOf('log'),
    artifacts: {},
    flow_loss: { held_out, train },
  })),
});

describe('the overfitting gap', () => {
  const OPENS: Losses = [
    [1, 1.02],
    [0.5, 0.5],
    [0.4, 0.35],
    [0.42, 0.3],
  ];

  test('raises an alarm when it opens, with both gaps and the best step', () => {
    expect(noteAlarms(headOf(OPENS))).toEqual([
      {
        code: 'overfitting',
        count: 1,
        text:
          'the model begins to learn its pictures by heart: its loss on held-out pictures is 40 % above that on trained ' +
          'ones at step 400, and was 2 % below it at step 100; the loss on held-out pictures was smallest at step 300',
        examples: [],
      },
    ]);
  });

  test.each([
    [
      'that stays as wide as it was at first',
      [
        [1.3, 1],
        [0.65, 0.5],
        [0.4, 0.3],
      ],
    ],
    [
      'that closes again',
      [
        [1, 1],
        [0.5, 0.4],
        [0.4, 0.39],
      ],
    ],
    ['that opened a little', OPENS.slice(0, 3)],
    [
      'below 0, on easier held-out pictures',
      [
        [0.5, 1],
        [0.45, 0.5],
      ],
    ],
  ] satisfies [string, Losses][])('%s raises none', (_, losses) => {
    expect(noteAlarms(headOf(losses))).toEqual([]);
  });

  test('is judged on the present dataset alone', () => {
    const former = [{ dataset: digestOf('former'), until: 200 }];
    expect(noteAlarms(headOf(OPENS, former))).toMatchObject([
      { text: expect.stringContaining('14 % above it at step 300') },
    ]);
    expect(noteAlarms(headOf(OPENS, [{ ...former[0]!, until: 300 }]))).toEqual([]);
  });
});

describe('a training', () => {
  let lab: TrainingLab;
  beforeEach(() => {
    lab = createTrainingLab();
  });

  test('tells both alarms in its answer, its head, its view, its events and its metrics', async () => {
    const { run: runJob } = lab.runner;
    lab.runner.logOf = step => ({ skipped: false, loss: step === 32 ? 3 : 0.5 + 0.001 * (step % 3) });
    let measured = 0;
    lab.runner.run = async (action, job, options) => {
      if (job.kind !== 'flow-loss') return runJob(action, job, options);
      const { held_out, ...document } = fakeValidation(job);
      const train = { ...held_out!, loss: 0.5 / ++measured };
      const flow_loss = await putDocument(lab.blobs, { ...document, held_out: { ...held_out!, loss: 0.5 }, train });
      return { outputs: { flow_loss }, links: [], stats: {} };
    };
    const run = { ...TOY_CONFIG.run, chunk_steps: 20, validation: { pictures: 1 } };
    await lab.create('toy', { ...TOY_CONFIG, optimizer: { ...TOY_CONFIG.optimizer, total_samples: 320 }, run });
    const told: string[] = [];
    const onEvent = ({ message = '' }) => void told.push(message);
    const answer = await lab.executor.callEffect('train', { experiment: 'toy' }, { onEvent });
    const notes = [
      expect.objectContaining({
        code: 'loss_spikes',
        text: expect.stringMatching(/in 1 step: in step 32 to 5.99 times/),
      }),
      expect.objectContaining({ code: 'overfitting', text: expect.stringContaining('100 % above that') }),
    ];
    expect(answer).toMatchObject({ notes: expect.arrayContaining(notes) });
    const { chunks } = (await readHead(lab.store, 'toy')).value;
    expect(chunks.map(({ spikes, flow_loss }) => [spikes, flow_loss])).toEqual([
      [undefined, { held_out: 0.5, train: 0.5 }],
      [
        { count: 1, step: 32, times: 5.99 },
        { held_out: 0.5, train: 0.25 },
      ],
    ]);
    expect(told.filter(text => text.startsWith('alarm: '))).toHaveLength(2);
    const readme = await lab.store.get('experiments/toy/README.md');
    expect(Buffer.from(readme?.body ?? []).toString()).toContain('Note: the loss leapt in 1 step');
    const { series } = await readMetrics(lab.blobs, chunks, 0, 100);
    expect(series['validation/overfitting_gap']?.filter(gap => gap !== null)).toEqual([0, 1]);
    expect(series['alarms/loss_spike']?.flatMap((times, i) => (times === null ? [] : [i + 1]))).toEqual([32]);
  });
});
