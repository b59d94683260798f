import { beforeEach, describe, expect, test } from 'vitest';
import { OutOfMemory } from '../../errors.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { smallerMicroBatch } from '../experiments/plan-changes.ts';
import { branchExperiment } from '../operations/branch-experiment.ts';
import { createTrainingLab, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';

const ENGINE = { name: 'reference', micro_batch: 8 } as const;

let lab: TrainingLab;
/** Micro-batches of the jobs that were begun, with their first steps. */
let begun: [from: number, microBatch: number][];

beforeEach(() => {
  lab = createTrainingLab();
  begun = [];
});

const headOf = async () => (await readHead(lab.store, 'toy')).value;

/** A device that has memory for a micro-batch of `most` before step `tight`, and of `then` from there on. */
function limit(most: number, tight = Number.POSITIVE_INFINITY, then = most): void {
  const { run } = lab.runner;
  lab.runner.run = async (action, job, options) => {
    if (job.kind === 'train-chunk') {
      begun.push([job.from, job.plan.micro_batch]);
      if (job.plan.micro_batch > (job.from < tight ? most : then)) {
        throw new OutOfMemory('memory ran out: Failed to allocate memory for requested buffer of size 123', {
          hint: 'take a smaller engine.micro_batch',
        });
      }
    }
    return run(action, job, options);
  };
}

async function train() {
  await lab.create('toy', { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, chunk_steps: 4, preview: {} } }, ENGINE);
  return lab.executor.callEffect('train', { experiment: 'toy' });
}

test('a smaller micro-batch is at most half, and divides the pictures of one size', () => {
  const data = { batch_size: 24 };
  expect([24, 12, 8, 3, 2].map(size => smallerMicroBatch(size, data))).toEqual([12, 6, 4, 1, 1]);
  expect(smallerMicroBatch(1, data)).toBeUndefined();
  expect(smallerMicroBatch(6, { batch_size: 24, bucket_group: 6 })).toBe(3);
});

describe('a training whose device runs out of memory', () => {
  test('begins the chunk again with half the micro-batch, says so everywhere, and is done', async () => {
    limit(8, 8, 2);
    const answer = await train();
    expect(begun).toEqual([
      [0, 8],
      [4, 8],
      [8, 8],
      [8, 4],
      [8, 2],
      [12, 2],
    ]);
    const text = expect.stringMatching(/^memory ran out at step 8: the micro-batch is 2 instead of 8 .*size 123\)$/);
    expect(answer).toMatchObject({ state: 'done', notes: [{ code: 'smaller_micro_batch', count: 2, text }] });
    const { plan, plan_changes, chunks } = await headOf();
    expect(plan.micro_batch).toBe(2);
    expect(plan_changes).toMatchObject([
      { step: 8, from: 8, to: 4, reason: expect.stringContaining('Failed to allocate') },
      { step: 8, from: 4, to: 2 },
    ]);
    expect(chunks.map(({ micro_batch }) => micro_batch)).toEqual([undefined, undefined, 2, 2]);
    const readme = Buffer.from((await lab.store.get('experiments/toy/README.md'))?.body ?? []).toString();
    expect(readme).toContain('Note: memory ran out at step 8');
    expect(readme).toContain('micro-batch 2');
  });

  test('goes on with the smaller micro-batch when it is resumed, and its first PUT is still the same', async () => {
    limit(2);
    await train();
    begun = [];
    await lab.executor.callEffect('train', { experiment: 'toy', target: 160 });
    expect(new Set(begun.map(([, microBatch]) => microBatch))).toEqual(new Set([2]));
    await lab.create('toy', { ...TOY_CONFIG, run: { ...TOY_CONFIG.run, chunk_steps: 4, preview: {} } }, ENGINE);
  });

  test('which is a branch is still the same branch when it is asked for again', async () => {
    await train();
    const request = { name: 'branch', from: 12, config: {}, engine: ENGINE } as const;
    await branchExperiment(lab, 'toy', request);
    limit(2);
    await lab.executor.callEffect('train', { experiment: 'branch', target: 160 });
    expect((await readHead(lab.store, 'branch')).value.plan.micro_batch).toBe(2);
    expect(await branchExperiment(lab, 'toy', request)).toMatchObject({ created: false });
  });

  test('fails when one sample at a time is too much, after few tries', async () => {
    limit(0);
    await expect(train()).rejects.toMatchObject({ status: 422, code: 'out_of_memory' });
    expect(begun.map(([, microBatch]) => microBatch)).toEqual([8, 4, 2, 1]);
    expect(await headOf()).toMatchObject({ state: 'failed', problem: { code: 'out_of_memory' } });
  });

  test('keeps its micro-batch when memory ran out at the border, where it would not help', async () => {
    const { run } = lab.runner;
    lab.runner.run = async (action, job, options) => {
      if (job.kind === 'sample') throw new OutOfMemory('memory ran out');
      return run(action, job, options);
    };
    await lab.create('toy', TOY_CONFIG, ENGINE);
    await expect(lab.executor.callEffect('train', { experiment: 'toy' })).rejects.toThrow('memory ran out');
    expect((await headOf()).plan.micro_batch).toBe(8);
  });
});
