/**
 * @file Operations on experiments at any moment of a training, and a training at any moment of them; also with kills.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { Conflict, NotFound } from '../../errors.ts';
import { createMemoryStore, type MemoryObjects } from '../../storage/drivers/memory.ts';
import type { ExperimentHead } from '../../storage/experiment-record.ts';
import { interceptStore } from '../../storage/intercept.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { takesAll } from '../../test/whole-suite.ts';
import { changeHead, readHead } from '../experiments/experiment-head.ts';
import { isComplete } from '../experiments/kept-checkpoints.ts';
import { expectRepeatable } from '../testing/deaths.ts';
import { findExperimentFaults } from '../testing/history.ts';
import { createTrainingLab, ENGINE, putToyDataset, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { branchExperiment } from './branch-experiment.ts';
import { createExperiment } from './create-experiment.ts';
import { deleteDataset } from './delete-dataset.ts';
import { deleteExperiment } from './delete-experiment.ts';
import { pauseExperiment } from './pause-experiment.ts';
import { pinCheckpoint, unpinCheckpoint } from './pin-checkpoint.ts';
import { putDataset } from './put-dataset.ts';

/** Of the moments at which an operation may come, every so many are tried. */
const EVERY = takesAll('two of three moments at which operations and trainings meet') ? 1 : 3;

/** `toy`, trained to step 8, with the checkpoints of steps 4 and 8. */
const objects: MemoryObjects = new Map();
/** The same, trained to step 16; of the older checkpoints that of step 4 is pinned. */
const pinned: MemoryObjects = new Map();

const train = (lab: TrainingLab, experiment: string, step: number) =>
  lab.executor.callEffect('train', { experiment, target: 8 * step });
const branch = (lab: TrainingLab) =>
  branchExperiment(lab, 'toy', { name: 'new', from: 4, config: { optimizer: { learning_rate: 1e-4 } } });

beforeAll(async () => {
  const lab = createTrainingLab(createMemoryStore(objects));
  await lab.create('toy');
  await train(lab, 'toy', 8);
  for (const [key, object] of objects) pinned.set(key, object);
  const later = createTrainingLab(createMemoryStore(pinned));
  await pinCheckpoint(later, 'toy', 4);
  await train(later, 'toy', 16);
});

interface Meeting {
  readonly store: ObjectStore;
  /** Whether the second one took effect; undefined: it never came. */
  readonly took: boolean | undefined;
}

/** True when it was done, false when it was refused as coming too late. */
async function attempt(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof NotFound || error instanceof Conflict) return false;
    throw error;
  }
}

/**
 * Runs `first`, and all of `second` before its n-th access to the store, for every {@link EVERY}-th n up to the number
 * of its accesses.
 */
async function* interrupt(
  first: (lab: TrainingLab) => Promise<unknown>,
  second: (lab: TrainingLab) => Promise<unknown>,
): AsyncGenerator<Meeting & { readonly n: number; readonly firstTook: boolean }> {
  for (let n = 1; ; n += EVERY) {
    const store = createMemoryStore(new Map(objects));
    let operations = 0;
    let took: boolean | undefined;
    const busy = interceptStore(store, async (_, run) => {
      if (++operations === n) took = await attempt(second(createTrainingLab(store)));
      return run();
    });
    const firstTook = await attempt(first(createTrainingLab(busy)));
    if (took === undefined) return;
    yield { n, store, took, firstTook };
  }
}

test('a pin that comes at any moment of a training holds, or is refused', async () => {
  const [point] = (await readHead(createMemoryStore(objects), 'toy')).value.history;
  if (!point) throw new Error('no checkpoint');
  const outcomes = { held: 0, refused: 0 };
  const training = (lab: TrainingLab) => train(lab, 'toy', 16);
  for await (const { n, store, took } of interrupt(training, lab => pinCheckpoint(lab, 'toy', 4))) {
    expect(await isComplete(createTrainingLab(store).blobs, point.checkpoint), `before operation ${n}`).toBe(took);
    expect((await readHead(store, 'toy')).value.pinned).toHaveLength(took ? 1 : 0);
    expect(await findExperimentFaults(store, 'toy'), `before operation ${n}`).toEqual([]);
    outcomes[took ? 'held' : 'refused']++;
  }
  expect(outcomes.held).toBeGreaterThan(20 / EVERY);
  expect(outcomes.refused).toBeGreaterThan(20 / EVERY);
});

describe('a branch can be trained, or is refused,', () => {
  async function expectTrainable(store: ObjectStore, names: readonly string[], n: number): Promise<void> {
    expect(await createRefs(store).experiments.list()).toEqual(names);
    if (!names.includes('new')) return;
    const next = createTrainingLab(store);
    await train(next, 'new', 8);
    expect(
      next.runner.computed.filter(job => job !== 'sample'),
      `before operation ${n}`,
    ).toEqual(['train 4-8']);
    expect(await findExperimentFaults(store, 'new'), `before operation ${n}`).toEqual([]);
  }

  test('when it is made at any moment of the training of its parent', async () => {
    const outcomes = { made: 0, refused: 0 };
    for await (const { n, store, took = false } of interrupt(lab => train(lab, 'toy', 16), branch)) {
      await expectTrainable(store, took ? ['new', 'toy'] : ['toy'], n);
      outcomes[took ? 'made' : 'refused']++;
    }
    expect(outcomes.made).toBeGreaterThan(20 / EVERY);
    expect(outcomes.refused).toBeGreaterThan(20 / EVERY);
  });

  test('when its parent trains on at any moment of its making', async () => {
    const outcomes = { made: 0, refused: 0 };
    for await (const { n, store, firstTook } of interrupt(branch, lab => train(lab, 'toy', 16))) {
      await expectTrainable(store, firstTook ? ['new', 'toy'] : ['toy'], n);
      outcomes[firstTook ? 'made' : 'refused']++;
    }
    expect(outcomes.made).toBeGreaterThan(5 / EVERY);
    expect(outcomes.refused).toBeGreaterThan(5 / EVERY);
  });

  test('when an equal experiment prunes the checkpoint while the parent lets it go to the branch', async () => {
    const store = createMemoryStore(new Map(objects));
    const lab = createTrainingLab(store);
    const { value: parent } = await readHead(store, 'toy');
    // A twin that is about to prune the checkpoint of step 4.
    const [superseded, ...history] = parent.history;
    if (!superseded) throw new Error('no checkpoint');
    const twin: ExperimentHead = { ...parent, state: 'running', target: 128, history, superseded: [superseded] };
    await createRefs(store).experiments.create('twin', twin);
    let lists = 0;
    const slow = interceptStore(store, async ({ operation, key }, run) => {
      const listed = await run();
      if (operation !== 'list' || key !== 'refs/experiments/' || ++lists > 1) return listed;
      await branch(lab);
      await changeHead(store, 'toy', head => ({ ...head, history }));
      return listed;
    });
    await train(createTrainingLab(slow), 'twin', 12);
    await expectTrainable(store, ['new', 'toy', 'twin'], 1);
    expect((await readHead(store, 'twin')).value.superseded).toEqual([]);
    expect(lists).toBeGreaterThan(1);
  });

  test('when its parent is deleted at any moment of its making', async () => {
    const outcomes = { made: 0, refused: 0 };
    const remove = (lab: TrainingLab) => deleteExperiment({ ...lab, now: Date.now }, 'toy');
    for await (const { n, store, firstTook } of interrupt(branch, remove)) {
      expect(await createRefs(store).experiments.list(), `before operation ${n}`).toEqual(firstTook ? ['new'] : []);
      outcomes[firstTook ? 'made' : 'refused']++;
      if (firstTook) await train(createTrainingLab(store), 'new', 8);
    }
    expect(outcomes.made).toBeGreaterThan(5 / EVERY);
    expect(outcomes.refused).toBeGreaterThan(5 / EVERY);
  });
});

describe('killed at any access to the store and called again, complete is', () => {
  test('the creation of an experiment', async () => {
    const create = async (lab: TrainingLab) => {
      const dataset = await putToyDataset(lab.blobs);
      await createExperiment(lab, 'other', { config: TOY_CONFIG, dataset, engine: { ...ENGINE, micro_batch: 2 } });
    };
    expect(await expectRepeatable(objects, create)).toBeGreaterThan(20);
  });

  test('a branch', async () => {
    expect(await expectRepeatable(objects, branch)).toBeGreaterThan(30);
  });

  test('a pin', async () => {
    expect(await expectRepeatable(objects, lab => pinCheckpoint(lab, 'toy', 4))).toBeGreaterThan(10);
  });

  test('the end of a pin', async () => {
    expect(await expectRepeatable(pinned, lab => unpinCheckpoint(lab, 'toy', 4))).toBeGreaterThan(10);
  });

  test('a pause', async () => {
    const running: MemoryObjects = new Map(objects);
    await changeHead(createMemoryStore(running), 'toy', head => ({ ...head, state: 'running', target: 128 }));
    expect(await expectRepeatable(running, lab => pauseExperiment(lab, 'toy'))).toBeGreaterThan(10);
  });

  test('the deletion of an experiment', async () => {
    const remove = async (lab: TrainingLab) => {
      // The call that comes after the last access finds it deleted.
      await attempt(deleteExperiment({ ...lab, now: Date.now }, 'toy'));
    };
    expect(await expectRepeatable(objects, remove)).toBeGreaterThan(10);
  });

  test('a name for a dataset, and its deletion', async () => {
    const put = async (lab: TrainingLab) => {
      const dataset = await putToyDataset(lab.blobs);
      return putDataset({ ...lab, call: lab.executor.call }, 'hats', dataset);
    };
    expect(await expectRepeatable(objects, put)).toBeGreaterThan(20);
    const named: MemoryObjects = new Map(objects);
    await put(createTrainingLab(createMemoryStore(named)));
    const remove = (lab: TrainingLab) =>
      attempt(deleteDataset({ ...lab, call: lab.executor.call, now: Date.now }, 'hats', { force: true }));
    expect(await expectRepeatable(named, remove)).toBeGreaterThan(20);
  });
});
