import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Conflict, NotFound } from '../../errors.ts';
import { readCheckpoint } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../../storage/drivers/memory.ts';
import { experimentHeadSchema } from '../../storage/experiment-record.ts';
import { interceptStore } from '../../storage/intercept.ts';
import { blobKey } from '../../storage/keys.ts';
import { createRefs } from '../../storage/names/refs.ts';
import type { ObjectStore } from '../../storage/types.ts';
import { branchExperiment } from '../operations/branch-experiment.ts';
import { createExperiment } from '../operations/create-experiment.ts';
import { deleteExperiment } from '../operations/delete-experiment.ts';
import { drawTrainingPictures } from '../testing/draw-training-pictures.ts';
import { ASKED_ENGINE, createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { describeExperiment } from '../views/experiment-view.ts';
import { readConfig, readHead } from './experiment-head.ts';

const TRAINED = 12;

let lab: TrainingLab;
let dataset: Digest;
let objects: MemoryObjects;

/** `toy`, trained to step 4. */
const trained: MemoryObjects = new Map();
beforeAll(async () => {
  lab = createTrainingLab(createMemoryStore(trained));
  dataset = await putToyDataset(lab.blobs, { count: TRAINED + 6, heldOut: 6 });
  await create('toy');
  await train('toy', 4);
});
beforeEach(() => {
  objects = new Map(trained);
  lab = createTrainingLab(createMemoryStore(objects));
});

const create = (name: string, config: object = {}) =>
  createExperiment(lab, name, { config: { ...TOY_CONFIG, ...config }, dataset, engine: ASKED_ENGINE });
/** Begins with weights of another one. */
const tune = (name: string, init_from: Readonly<Record<string, Json>>) => create(name, { init_from });
const branch = (parent: string, name: string, from: number | 'latest' = 'latest') =>
  branchExperiment(lab, parent, { name, from, config: {} });
const train = (experiment: string, step: number) => lab.executor.callEffect('train', { experiment, target: 8 * step });
const remove = (name: string, of = lab) => deleteExperiment({ ...of, now: Date.now }, name);
const headOf = async (name: string) => (await readHead(lab.store, name)).value;

async function check(checkpoint: string, body = {}) {
  return lab.executor.callEffect('check-memorization', { checkpoint, samples: 8, steps: 2, ...body });
}
/** A check that finds copies. */
async function findCopies(checkpoint: string) {
  const honest = lab;
  lab = createTrainingLab(lab.store);
  await drawTrainingPictures(lab, dataset, TRAINED);
  expect(await check(checkpoint)).toMatchObject({ memorized: true });
  lab = honest;
}

const exportOf = (checkpoint: string) => lab.executor.call('export', { checkpoint });
/** The export is not refused: then it comes as far as the gpu-runner. */
const PASSES = 'this runner has no weights';

async function show(name: string) {
  const head = await headOf(name);
  return describeExperiment({ ...lab, name }, { head, config: await readConfig(lab.blobs, head) });
}
/** Whether each kept checkpoint is labelled. */
const labelsOf = async (name: string) => (await show(name)).checkpoints.map(each => 'memorizing' in each);
const notesOf = async (name: string) => JSON.stringify((await show(name)).notes ?? []);
async function viewOf(name: string): Promise<string> {
  return Buffer.from((await lab.store.get(`experiments/${name}/index.json`))?.body ?? []).toString();
}

const NOTE =
  'the model goes on from one that gives training pictures back: 100 % of what toy@4 draws are copies by thumbnail';

describe('a run that goes on from a model that has memorized', () => {
  test.each([
    ['as a branch', () => branch('toy', 'next')],
    ['with its weights', () => tune('next', { experiment: 'toy' })],
    [
      'with its raw weights, by their digest',
      async () => {
        const { checkpoint = '' } = await headOf('toy');
        return tune('next', { checkpoint, weights: 'raw' });
      },
    ],
  ])('%s is labelled, and not exported unless its own check finds no copies', async (_, begin) => {
    await findCopies('toy');
    await begin();
    await train('next', 8);
    expect(await labelsOf('next')).not.toContain(false);
    expect(await notesOf('next')).toContain(NOTE);
    await expect(exportOf('next')).rejects.toThrow('next@8 was trained on after toy@4 had memorized');
    expect(await check('next')).toMatchObject({ memorized: false });
    await expect(exportOf('next')).rejects.toThrow(PASSES);
    await expect(exportOf('next@clean')).rejects.toThrow(PASSES);
    await train('next', 12);
    await expect(exportOf('next')).rejects.toThrow('next@12 was trained on after toy@4 had memorized');
    expect(await lab.executor.callEffect('verify', {})).toMatchObject({ ok: true });
  });

  test('is labelled however many runs lie between', async () => {
    await tune('tuned', { experiment: 'toy' });
    await train('tuned', 4);
    await branch('tuned', 'twig');
    await tune('last', { experiment: 'twig' });
    await train('last', 4);
    await expect(exportOf('last')).rejects.toThrow(PASSES);
    await findCopies('toy');
    await expect(exportOf('last')).rejects.toThrow('last@4 was trained on after toy@4 had memorized');
    expect(await notesOf('twig')).toContain(NOTE);
  });

  test.each([
    ['a branch', () => branch('toy', 'next')],
    ['weights', () => tune('next', { experiment: 'toy' })],
  ])('is labelled as soon as the other one is checked, and its view says so: %s', async (_, begin) => {
    await begin();
    await train('next', 8);
    await check('next', { seed: 7 });
    const { clean } = await headOf('next');
    await findCopies('toy');
    expect(await labelsOf('next')).not.toContain(false);
    expect(await viewOf('next')).toContain(NOTE);
    expect((await headOf('next')).clean).toEqual(clean);
    // The last check of the other one stands.
    expect(await check('toy', { seed: 1 })).toMatchObject({ memorized: false });
    expect(await labelsOf('next')).not.toContain(true);
    expect(await viewOf('next')).not.toContain(NOTE);
  });

  test('is labelled by a check during the training of the other one', async () => {
    const run = { ...TOY_CONFIG.run, keep: 3, check_memorization: { every: 8, samples: 8 } };
    await create('toy', { run });
    lab = createTrainingLab(lab.store);
    await drawTrainingPictures(lab, dataset, TRAINED);
    await train('toy', 8);
    await tune('next', { experiment: 'toy' });
    expect(await notesOf('next')).toContain('of what toy@8 draws');
    await tune('early', { experiment: 'toy', step: 4 });
    expect(await notesOf('early')).toBe('[]');
    await branch('toy', 'twig');
    await train('toy', 12);
    await expect(exportOf('twig')).rejects.toThrow('toy@8 has memorized');
  });

  test('is not labelled if it began before the step of the check', async () => {
    await branch('toy', 'next');
    await train('toy', 8);
    await findCopies('toy');
    expect(await labelsOf('next')).toEqual([false]);
    await expect(exportOf('next')).rejects.toThrow(PASSES);
  });
});

describe('a run whose other one was deleted', () => {
  test('has the verdict from then on itself, and so have those that go on from it', async () => {
    await tune('tuned', { experiment: 'toy' });
    await train('tuned', 4);
    await branch('tuned', 'twig');
    const { init_from } = await headOf('tuned');
    await findCopies('toy');
    await remove('toy');
    expect((await headOf('tuned')).began_memorizing).toEqual({
      ...{ experiment: 'toy', step: 4, rate: 1, extractor: 'thumbnail' },
    });
    await expect(exportOf(init_from?.checkpoint ?? '')).rejects.toThrow(
      'the checkpoint with whose weights "tuned" began was trained on after toy@4 had memorized',
    );
    await expect(exportOf('twig')).rejects.toThrow('tuned@4 was trained on after toy@4 had memorized');
    await remove('tuned');
    expect(await notesOf('twig')).toContain(NOTE);
    await expect(exportOf('twig')).rejects.toThrow('twig@4 was trained on after toy@4 had memorized');
  });

  test('gets the verdict of a run before that one, whenever that is checked', async () => {
    await tune('tuned', { experiment: 'toy' });
    await train('tuned', 4);
    await branch('tuned', 'twig');
    await remove('tuned');
    expect(await notesOf('twig')).toBe('[]');
    await findCopies('toy');
    expect(await viewOf('twig')).toContain(NOTE);
    await expect(exportOf('twig')).rejects.toThrow('twig@4 was trained on after toy@4 had memorized');
  });

  test('is not labelled by what another one of the same name draws', async () => {
    await tune('tuned', { experiment: 'toy' });
    await remove('toy');
    await create('toy', { seed: 9 });
    await train('toy', 4);
    await findCopies('toy');
    expect(await notesOf('tuned')).toBe('[]');
    await tune('other', { experiment: 'toy' });
    expect(await notesOf('other')).toContain(NOTE);
  });

  test('has the verdict, at whatever write the deletion was killed', async () => {
    await tune('tuned', { experiment: 'toy' });
    await branch('toy', 'twig');
    await findCopies('toy');
    const left: MemoryObjects[] = [];
    const whole: MemoryObjects = new Map(objects);
    const recorded = interceptStore(createMemoryStore(whole), async ({ operation }, run) => {
      if (operation === 'put' || operation === 'delete') left.push(new Map(whole));
      return run();
    });
    const refs = (of: MemoryObjects) =>
      Object.fromEntries(
        [...of].flatMap(([key, { etag }]) => (key.startsWith('refs/experiments/') ? [[key, etag]] : [])),
      );
    await remove('toy', createTrainingLab(recorded));
    expect(Object.keys(refs(whole))).toHaveLength(2);
    expect(left.length).toBeGreaterThan(5);
    for (const killed of left) {
      await remove('toy', createTrainingLab(createMemoryStore(killed)));
      expect(refs(killed)).toEqual(refs(whole));
    }
  });
});

/** Another operation before the n-th access, and death before the k-th write after it. */
function meetAndDie(inner: ObjectStore, { n, k, meet }: { n: number; k: number; meet(): Promise<unknown> }) {
  let [accesses, writes] = [0, 0];
  const state = { met: false, died: false };
  const store = interceptStore(inner, async ({ operation }, run) => {
    if (++accesses === n) {
      state.met = true;
      await meet();
    }
    if (state.met && operation !== 'get' && operation !== 'head' && operation !== 'list') writes++;
    state.died ||= writes >= k;
    if (state.died) throw new Error('killed');
    return run();
  });
  return { store, state };
}

describe('a branch that meets the deletion of the other one has the verdict, or there is none,', () => {
  const LABEL = { experiment: 'toy', step: 4, rate: 1, extractor: 'thumbnail' };
  const branchIn = (of: TrainingLab) => branchExperiment(of, 'toy', { name: 'new', from: 4, config: {} });
  /** Undefined: it was refused. */
  const unlessRefused = (work: Promise<unknown>) =>
    work.then(
      () => true,
      error => {
        if (error instanceof NotFound || error instanceof Conflict) return undefined;
        throw error;
      },
    );
  beforeEach(() => findCopies('toy'));

  test('when it is made at any access of a deletion that is killed at any write', async () => {
    const outcomes = { labelled: 0, refused: 0 };
    for (let [n, hasMet] = [1, true]; hasMet; n++) {
      for (let [k, hasDied] = [1, true]; hasDied; k++) {
        const inner = createMemoryStore(new Map(objects));
        const living = createTrainingLab(inner);
        const { store, state } = meetAndDie(inner, { n, k, meet: () => unlessRefused(branchIn(living)) });
        await unlessRefused(
          remove('toy', createTrainingLab(store)).catch(error => (state.died ? true : Promise.reject(error))),
        );
        [hasMet, hasDied] = [state.met, state.died];
        if (!hasMet) break;
        await unlessRefused(remove('toy', living));
        const names = await createRefs(inner).experiments.list();
        expect(names.includes('toy'), `before access ${n}, killed at write ${k}`).toBe(false);
        outcomes[names.includes('new') ? 'labelled' : 'refused']++;
        if (!names.includes('new')) continue;
        expect((await readHead(inner, 'new')).value, `before access ${n}, killed at write ${k}`).toMatchObject({
          began_memorizing: LABEL,
        });
      }
    }
    expect(outcomes.labelled).toBeGreaterThan(10);
    expect(outcomes.refused).toBeGreaterThan(10);
  });

  test('when the deletion comes at any access of a branching that is killed at any write', async () => {
    const outcomes = { labelled: 0, unsettled: 0, refused: 0 };
    for (let [n, hasMet] = [1, true]; hasMet; n++) {
      for (let [k, hasDied] = [1, true]; hasDied; k++) {
        const inner = createMemoryStore(new Map(objects));
        const living = createTrainingLab(inner);
        const { store, state } = meetAndDie(inner, { n, k, meet: () => remove('toy', living) });
        await unlessRefused(
          branchIn(createTrainingLab(store)).catch(error => (state.died ? true : Promise.reject(error))),
        );
        [hasMet, hasDied] = [state.met, state.died];
        if (!hasMet) break;
        const left = (await createRefs(inner).experiments.read('new'))?.value;
        outcomes[left?.began_memorizing ? 'labelled' : left ? 'unsettled' : 'refused']++;
        if (left === undefined || left.began_memorizing) continue;
        expect(left.unsettled, `before access ${n}, killed at write ${k}`).toBe(true);
        await expect(living.executor.call('export', { checkpoint: 'new' })).rejects.toThrow('while "new" was created');
        await expect(branchIn(living)).rejects.toBeInstanceOf(NotFound);
        expect(await createRefs(inner).experiments.list()).toEqual([]);
      }
    }
    expect(outcomes.labelled).toBeGreaterThan(0);
    expect(outcomes.unsettled).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(10);
  });
});

describe('a checkpoint whose run was deleted', () => {
  beforeEach(async () => {
    await branch('toy', 'twig');
    await tune('tuned', { experiment: 'twig' });
    await train('toy', 8);
    await branch('toy', 'late');
    await remove('toy');
  });
  const HINT = /easel check-memorization twig@4;/;

  test('labels the runs that begin with it, when a check finds copies, until another check finds none', async () => {
    await findCopies('twig@4');
    const label = { experiment: 'toy', step: 4, rate: 1, extractor: 'thumbnail' };
    expect((await headOf('twig')).began_memorizing).toEqual(label);
    expect(await viewOf('twig')).toContain(NOTE);
    expect(await viewOf('tuned')).toContain('of what twig@4 draws');
    expect(await notesOf('late')).toBe('[]');
    await expect(exportOf('twig@4')).rejects.toMatchObject({ status: 422, hint: expect.stringMatching(HINT) });
    expect(await check('twig@4', { seed: 1 })).toMatchObject({ memorized: false });
    expect(await viewOf('tuned')).not.toContain('of what twig@4 draws');
    await expect(exportOf('twig@4')).rejects.toThrow(PASSES);
  });

  test('keeps the label of an earlier one, and no check of it is offered, which would not help', async () => {
    await create('toy');
    await train('toy', 4);
    await findCopies('toy@4');
    await train('toy', 8);
    await branch('toy', 'next');
    await remove('toy');
    await remove('late');
    expect(await check('next@8', { seed: 1 })).toMatchObject({ memorized: false });
    await expect(exportOf('next@8')).rejects.toMatchObject({
      status: 422,
      hint: 'export it in spite of that: "memorized": "accept", easel export --accept-memorized',
    });
  });
});

test('a run keeps the label when the other one lost its checkpoint and goes back', async () => {
  await train('toy', 8);
  await branch('toy', 'next');
  await findCopies('toy');
  const { checkpoint } = await headOf('toy');
  const { tensors } = await readCheckpoint(lab.blobs, checkpoint as Digest);
  await lab.store.delete(blobKey(tensors.model[0] as Digest));
  lab = createTrainingLab(lab.store);
  await train('toy', 12);
  expect(await headOf('toy')).not.toHaveProperty('memorizing');
  expect(await notesOf('next')).toContain('of what toy@8 draws');
});

test('the head of a branch of before has the verdict of its parent as that of its parent', async () => {
  await findCopies('toy');
  const { head } = await branch('toy', 'next');
  const { memorizing } = await headOf('toy');
  expect(experimentHeadSchema.parse({ ...head, memorizing })).toEqual({
    ...head,
    began_memorizing: { experiment: 'toy', ...memorizing },
  });
  const own = { ...head, memorizing: { step: 8, rate: 1, extractor: 'thumbnail' } };
  expect(experimentHeadSchema.parse(own)).toEqual(own);
});
