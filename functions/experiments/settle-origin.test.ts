import { beforeEach, expect, test } from 'vitest';
import { Conflict, NotFound } from '../../errors.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { branchExperiment } from '../operations/branch-experiment.ts';
import { createExperiment } from '../operations/create-experiment.ts';
import { deleteExperiment } from '../operations/delete-experiment.ts';
import { ASKED_ENGINE, createTrainingLab, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { changeHead, readHead } from './experiment-head.ts';
import { settleOrigin } from './settle-origin.ts';

let lab: TrainingLab;

/** `toy`, trained to step 4. */
beforeEach(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
  await lab.executor.callEffect('train', { experiment: 'toy', target: 32 });
});

const headOf = async (name: string) => (await readHead(lab.store, name)).value;
const branch = () => branchExperiment(lab, 'toy', { name: 'young', from: 4, config: {} });
/** What a call leaves that was killed when it had the name. */
const unsettle = (name: string) => changeHead(lab.store, name, head => ({ ...head, unsettled: true }));
const pruneToy = () => changeHead(lab.store, 'toy', ({ checkpoint: _, ...head }) => ({ ...head, history: [] }));
const LOST = 'the experiment "toy" let step 4 go while "young" was created';

test('a new run stays when the other one keeps its first checkpoint', async () => {
  expect((await branch()).head).not.toHaveProperty('unsettled');
  expect(await settleOrigin(lab.store, 'young', await unsettle('young'))).toEqual(await headOf('young'));
  expect(await headOf('young')).not.toHaveProperty('unsettled');
  await unsettle('young');
  expect(await branch()).toMatchObject({ created: false, head: { state: 'paused' } });
  expect(await headOf('young')).not.toHaveProperty('unsettled');
});

test.each([
  ['let its first checkpoint go', pruneToy],
  ['was deleted', () => deleteExperiment({ ...lab, now: Date.now }, 'toy')],
  ['is being deleted', () => changeHead(lab.store, 'toy', head => ({ ...head, deleting: true }))],
  ['lost its pictures', () => changeHead(lab.store, 'toy', head => ({ ...head, dataset_deleted: true }))],
])('a new run goes again when the other one %s meanwhile', async (_, lose) => {
  await branch();
  const made = await unsettle('young');
  await lose();
  await expect(settleOrigin(lab.store, 'young', made)).rejects.toMatchObject({ code: 'conflict', message: LOST });
  await expect(headOf('young')).rejects.toBeInstanceOf(NotFound);
});

test('a run that another call has settled stays', async () => {
  await branch();
  const settled = await headOf('young');
  await pruneToy();
  expect(await settleOrigin(lab.store, 'young', { ...settled, unsettled: true })).toEqual(settled);
});

test.each<[string, () => Promise<unknown>]>([
  ['trained', () => lab.executor.callEffect('train', { experiment: 'young', target: 64 })],
  ['branched', () => branchExperiment(lab, 'young', { name: 'next', from: 4, config: {} })],
  ['exported', () => lab.executor.call('export', { checkpoint: 'young' })],
  [
    'the beginning of another one',
    async () => {
      const config = { ...TOY_CONFIG, init_from: { experiment: 'young' } };
      return createExperiment(lab, 'next', { config, dataset: (await headOf('toy')).dataset, engine: ASKED_ENGINE });
    },
  ],
])('a run whose creation was killed is not %s when the other one let go', async (_, use) => {
  await branch();
  await unsettle('young');
  await pruneToy();
  await expect(use()).rejects.toThrow(LOST);
  expect(await createRefs(lab.store).experiments.list()).toEqual(['toy']);
});

test.each<[string, () => Promise<unknown>]>([
  ['trained', () => lab.executor.callEffect('train', { experiment: 'toy', target: 64 })],
  ['branched', branch],
  ['created', () => lab.create('toy')],
])('a run that is being deleted is not %s, and the answer says how its deletion is completed', async (_, use) => {
  await changeHead(lab.store, 'toy', head => ({ ...head, deleting: true }));
  const refusal = use();
  await expect(refusal).rejects.toBeInstanceOf(Conflict);
  await expect(refusal).rejects.toMatchObject({
    message: 'the experiment "toy" is being deleted',
    hint: 'if its deletion was cut off, DELETE /experiments/toy completes it',
  });
});
