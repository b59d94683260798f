import { beforeEach, describe, expect, test } from 'vitest';
import { createRefs } from '../../storage/names/refs.ts';
import { readHead } from '../experiments/experiment-head.ts';
import { createTrainingLab, type TrainingLab } from '../testing/training.ts';
import { type BranchRequest, branchExperiment } from './branch-experiment.ts';

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
const headOf = async (name: string) => (await readHead(lab.store, name)).value;
const trainedBy = ({ runner }: TrainingLab) => runner.computed.filter(job => job !== 'sample');

describe('branch', () => {
  test('a target beyond the schedules gives the bits of a parent that was extended to it', async () => {
    expect((await branch({ target: 192 })).head.target).toBe(192);
    await train('toy', 24);
    await train('new', 24);
    expect((await headOf('new')).checkpoint).toBe((await headOf('toy')).checkpoint);
    expect(await branch({ target: 192 })).toMatchObject({ created: false });
    const twig = await branchExperiment(lab, 'new', { name: 'twig', from: 'latest', config: { run: { keep: 2 } } });
    expect(twig.head.target).toBe(192);
  });

  test('a target at which a branch begins is reached after `train`, and nothing is computed', async () => {
    await train('toy', 16);
    await branch({ from: 16 });
    const computed = trainedBy(lab).length;
    const answer = await lab.executor.callEffect('train', { experiment: 'new' });
    expect(answer).toMatchObject({ state: 'done', step: 16, target: 128 });
    expect(trainedBy(lab)).toHaveLength(computed);
  });

  test('a target within the step of the checkpoint is reached after `train`', async () => {
    expect((await branch({ target: 57 })).head.target).toBe(57);
    expect(await lab.executor.callEffect('train', { experiment: 'new' })).toMatchObject({ state: 'done', step: 8 });
  });

  test.each([
    ['of the request', { target: 8 }, 8],
    ['of the config', { config: { run: { target: 40 } } }, 40],
    ['of shorter schedules', { config: { optimizer: { total_samples: 56 } } }, 56],
  ])('a target %s that lies behind the checkpoint is refused', async (_, request, target) => {
    await expect(branch(request)).rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining(`the target of ${target} samples lies behind the checkpoint of step 8`),
      expected: 'a target of at least 64',
    });
    expect(await createRefs(lab.store).experiments.list()).toEqual(['toy']);
  });
});
