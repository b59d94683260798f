import { beforeEach, describe, expect, test } from 'vitest';
import { NotFound } from '../../errors.ts';
import { blobKey } from '../../storage/keys.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { createTrainingLab, type TrainingLab } from '../testing/training.ts';
import { type BranchRequest, branchExperiment } from './branch-experiment.ts';
import { deleteExperiment } from './delete-experiment.ts';

let lab: TrainingLab;

/** `toy`, trained to step 8, with the checkpoints of steps 4 and 8. */
beforeEach(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
  await train('toy', 8);
});

const train = (experiment: string, step: number) => lab.executor.callEffect('train', { experiment, target: 8 * step });
const branch = (request: Partial<BranchRequest> = {}) =>
  branchExperiment(lab, 'toy', { name: 'new', from: 'latest', config: {}, ...request });

describe('the same call after the parent of a branch was deleted', () => {
  const request = {
    from: 4,
    config: { optimizer: { learning_rate: 1e-4 } },
    target: 96,
    engine: { name: 'reference', threads: 1 },
  } as const;
  const deleteParent = () => deleteExperiment({ ...lab, now: Date.now }, 'toy');

  test('finds the branch and changes nothing', async () => {
    await branch(request);
    await train('new', 8);
    await deleteParent();
    const before = await readHead(lab.store, 'new');
    expect(await branch(request)).toMatchObject({ created: false, head: before.value });
    expect(await readHead(lab.store, 'new')).toEqual(before);
    await expect(branch({ ...request, name: 'other' })).rejects.toThrow(NotFound);
  });

  test.each([
    ['another config', { config: { optimizer: { learning_rate: 2e-4 } } }, 'optimizer.learning_rate (0.0001'],
    ['another checkpoint', { from: 8 }, 'from (4, not 8)'],
    ['another target', { target: 64 }, 'run.target (96, not 64)'],
    ['another engine', { engine: { name: 'reference', threads: 2 } }, 'engine.threads (1)'],
  ] as const)('with %s is a conflict that says so', async (_, change, text) => {
    await branch(request);
    await deleteParent();
    await expect(branch({ ...request, ...change })).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining(text),
    });
  });

  test('is a conflict that cannot be compared if the config is lost', async () => {
    const { head } = await branch(request);
    await deleteParent();
    await lab.store.delete(blobKey(head.config));
    await expect(branch(request)).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining('cannot be compared with the body'),
    });
  });
});
