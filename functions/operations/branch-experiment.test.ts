import { beforeEach, describe, expect, test } from 'vitest';
import { Conflict, NotFound } from '../../errors.ts';
import { readCheckpoint, readKeyedConfig } from '../../storage/blobs/document-blobs.ts';
import type { Digest } from '../../storage/digest.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { GRACE_MS } from '../../storage/gc/lifetimes.ts';
import { blobKey } from '../../storage/keys.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { FakeTime, SLEEP_PASSES } from '../../storage/testing/fake-time.ts';
import { changeHead, readHead } from '../experiments/experiment-head.ts';
import { isComplete } from '../experiments/kept-checkpoints.ts';
import { findExperimentFaults } from '../testing/history.ts';
import { createTrainingLab, ENGINE, listKeys, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { type BranchRequest, branchExperiment } from './branch-experiment.ts';
import { deleteExperiment } from './delete-experiment.ts';
import { pinCheckpoint } from './pin-checkpoint.ts';

const SLOW = { optimizer: { learning_rate: 1e-4 } };

let lab: TrainingLab;

/** `toy`, trained to step 8, with the checkpoints of steps 4 and 8. */
beforeEach(async () => {
  lab = createTrainingLab();
  await lab.create('toy');
  await train('toy', 8);
});

const train = (experiment: string, step: number, of = lab) =>
  of.executor.callEffect('train', { experiment, target: 8 * step });
const headOf = async (name: string, of = lab) => (await readHead(of.store, name)).value;
const branch = (request: Partial<BranchRequest> = {}, of = lab) =>
  branchExperiment(of, 'toy', { name: 'new', from: 'latest', config: {}, ...request });
const trainedBy = ({ runner }: TrainingLab) => runner.computed.filter(job => job !== 'sample');

async function checkpointAt(step: number, name = 'toy', of = lab): Promise<Digest> {
  const kept = (await headOf(name, of)).history.find(each => each.step === step);
  if (!kept) throw new Error(`no checkpoint of step ${step}`);
  return kept.checkpoint;
}

async function loseBlob(digest: Digest | undefined): Promise<void> {
  if (digest) await lab.store.delete(blobKey(digest));
}

describe('a branch', () => {
  test('begins at the checkpoint, and goes on from there', async () => {
    const point = await checkpointAt(4);
    const { head, created } = await branch({ from: 4, config: SLOW });
    expect(created).toBe(true);
    expect(head).toMatchObject({ state: 'paused', target: 128, checkpoint: point, engine: ENGINE, chunks: [] });
    expect(head.branched_from).toMatchObject({ experiment: 'toy', step: 4, checkpoint: point });
    const index = async () =>
      JSON.parse(Buffer.from((await lab.store.get('experiments/new/index.json'))?.body ?? []).toString());
    expect(await index()).toMatchObject({
      step: 4,
      samples: 32,
      steps: 16,
      branched_from: { experiment: 'toy', step: 4, checkpoint: point },
    });
    const readme = Buffer.from((await lab.store.get('experiments/new/README.md'))?.body ?? []).toString();
    expect(readme).toContain(`| branched from | toy at step 4, \`${point}\` |`);
    await train('new', 12);
    expect((await headOf('new')).chunks.map(({ from, to }) => [from, to])).toEqual([
      [4, 8],
      [8, 12],
    ]);
    expect(await index()).toMatchObject({ step: 12, samples: 96, chunks: [{ from: 4 }, { from: 8 }] });
    expect(await findExperimentFaults(lab.store, 'new')).toEqual([]);
  });

  test('without changes ends as its parent does, and computes nothing that the parent has', async () => {
    await branch({ from: 4 });
    await train('toy', 16);
    const computed = trainedBy(lab).length;
    await pinCheckpoint(lab, 'toy', 12);
    await branch({ name: 'late', from: 12 });
    await train('late', 16);
    expect(trainedBy(lab)).toHaveLength(computed);
    await train('new', 16);
    expect((await headOf('new')).checkpoint).toBe((await headOf('toy')).checkpoint);
    expect((await headOf('late')).checkpoint).toBe((await headOf('toy')).checkpoint);
  });

  test('trains under its own config, and says of its first chunk whose checkpoint it was', async () => {
    await branch({ config: { ...SLOW, run: { chunk_steps: 2 } } });
    await train('new', 12);
    const { checkpoint, config } = await headOf('new');
    const last = await readCheckpoint(lab.blobs, checkpoint ?? config);
    expect((await readKeyedConfig(lab.blobs, last.config)).optimizer.learning_rate).toBe(1e-4);
    const parent = await readCheckpoint(lab.blobs, await checkpointAt(8));
    const claims = await Promise.all(
      (await listKeys(lab.store, 'actions/train-chunk/')).map(async key =>
        JSON.parse(Buffer.from((await lab.store.get(key))?.body ?? []).toString()),
      ),
    );
    expect(claims.flatMap(({ action }) => action.inputs.parent_config ?? [])).toEqual([parent.config]);
    expect(trainedBy(lab).slice(2)).toEqual(['train 8-10', 'train 10-12']);
    await train('toy', 12);
    expect(checkpoint).not.toBe((await headOf('toy')).checkpoint);
  });

  test('ends in the same bits, however its training is cut', async () => {
    await branch({ config: SLOW });
    await train('new', 16);
    await branch({ name: 'cut', config: { ...SLOW, run: { chunk_steps: 3 } } });
    lab.runner.stopAfter = 11;
    await train('cut', 16);
    expect((await headOf('cut')).checkpoint).toBe((await headOf('new')).checkpoint);
  });

  test('begins at a digest, at a pinned checkpoint, or at one of another branch', async () => {
    const [first, second] = [await checkpointAt(4), await checkpointAt(8)];
    expect((await branch({ from: second })).head.branched_from?.step).toBe(8);
    await pinCheckpoint(lab, 'toy', 4);
    await train('toy', 16);
    expect((await branch({ name: 'pinned', from: 4, config: SLOW })).head.checkpoint).toBe(first);
    const request = { name: 'twig', from: 4, config: { optimizer: { clip_norm: 2 } } } as const;
    const twig = await branchExperiment(lab, 'pinned', request);
    expect(twig.config.optimizer).toMatchObject({ learning_rate: 1e-4, clip_norm: 2 });
    await train('twig', 16);
    expect(await findExperimentFaults(lab.store, 'twig')).toEqual([]);
  });

  test('ends at its own target: as said, as its config says, or as far as its parent was extended', async () => {
    const targets = async (name: string, request: Partial<BranchRequest>) =>
      (await branch({ name, ...request })).head.target;
    expect(await targets('a', {})).toBe(128);
    expect(await targets('b', { target: 96 })).toBe(96);
    expect(await targets('c', { config: { optimizer: { total_samples: 256 } } })).toBe(256);
    expect(await targets('d', { config: { run: { target: 120 } } })).toBe(120);
    await changeHead(lab.store, 'toy', head => ({ ...head, target: 192 }));
    expect(await targets('f', {})).toBe(192);
    await expect(branch({ name: 'e', config: { run: { target: 256 } } })).rejects.toMatchObject({
      status: 422,
      hint: expect.stringContaining('optimizer.total_samples'),
    });
  });

  test('runs on another engine when that is asked for', async () => {
    const { head } = await branch({ engine: { name: 'reference', threads: 3, micro_batch: 4 } });
    expect([head.engine, head.plan.micro_batch]).toEqual([{ ...ENGINE, threads: 3 }, 4]);
    await expect(branch({ name: 'other', engine: 'onnxruntime/cpu' })).rejects.toMatchObject({ status: 422 });
  });
});

describe('refused is', () => {
  test.each([
    ['seed', { seed: 1 }, 'seed (0, not 1)'],
    ['model', { model: { depth: 2, hidden_size: 32 } }, 'model.hidden_size (16, not 32)'],
    ['data', { data: { batch_size: 16 } }, 'data.batch_size (8, not 16)'],
    [
      'objective.prediction_type',
      { objective: { prediction_type: 'v_prediction' } },
      'objective.prediction_type ("x_prediction", not "v_prediction")',
    ],
    ['optimizer.type', { optimizer: { type: 'adamw' } }, 'optimizer.type ("muon", not "adamw")'],
    ['optimizer.ema_gammas', { optimizer: { ema_gammas: [3] } }, 'optimizer.ema_gammas ([10], not [3])'],
  ])('another %s, with both values, the reason and the way out', async (key, config, text) => {
    const problem: unknown = await branch({ config }).catch(error => error);
    expect(problem).toMatchObject({
      status: 422,
      message: expect.stringMatching(/: the (random|weights|checkpoint) /),
      expected: `${key} as in the config of the checkpoint`,
      hint: expect.stringContaining('create a new experiment'),
    });
    expect(String(problem)).toContain(text);
    expect(await createRefs(lab.store).experiments.list()).toEqual(['toy']);
  });

  test.each([
    ['a loss that the model cannot have', { repa: { weight: 1, block_index: 9 } }, 'the model has no block 9'],
    ['an unknown loss', { lips: { weight: 1 } }, 'there is no such loss'],
    ['a loss whose weights the checkpoint lacks', { repa: { weight: 1 } }, 'weights of its adapter, or none'],
    ['losses with a gap', { flow_matching: { weight: 1, until: 0.5 } }, 'no loss of objective.losses'],
  ])('%s', async (_, losses, message) => {
    const call = branch({ config: { objective: { losses } } });
    await expect(call).rejects.toMatchObject({ status: 422, message: expect.stringContaining(message) });
  });

  test('not a loss of the parent that ends, nor another weight of it', async () => {
    const losses = (repa: object) => ({ objective: { losses: { repa: { weight: 1, ...repa } } } });
    await lab.create('aligned', { ...TOY_CONFIG, ...losses({}) });
    await train('aligned', 8);
    const branchOf = (name: string, config: BranchRequest['config']) =>
      branchExperiment(lab, 'aligned', { name, from: 8, config });
    for (const [name, repa] of Object.entries({ less: { weight: 0.5 }, none: { weight: 0 }, early: { until: 0.6 } })) {
      const config = losses(repa);
      await branchOf(name, config);
      await train(name, 12);
      expect(await branchOf(name, config)).toMatchObject({ created: false });
    }
    await expect(branchOf('wide', losses({ adapter_width: 5 }))).rejects.toThrow('adapter_width (32, not 5)');
  });

  test('every change that cannot be, at once', async () => {
    const call = branch({ config: { seed: 1, data: { batch_size: 16 } } });
    await expect(call).rejects.toMatchObject({ expected: 'seed, data as in the config of the checkpoint' });
  });

  test('a key that no config has, and a checkpoint that is not kept', async () => {
    await expect(branch({ config: { optimiser: {} } })).rejects.toThrow(/optimizer/);
    await expect(branch({ from: 5 })).rejects.toMatchObject({ status: 404, expected: expect.stringContaining('4, 8') });
    await expect(branchExperiment(lab, 'nobody', { name: 'new', from: 4, config: {} })).rejects.toThrow(NotFound);
    await lab.create('fresh');
    const early = branchExperiment(lab, 'fresh', { name: 'new', from: 'latest', config: {} });
    await expect(early).rejects.toMatchObject({
      status: 422,
      hint: expect.stringContaining('/experiments/fresh/train'),
    });
    expect(await createRefs(lab.store).experiments.list()).toEqual(['fresh', 'toy']);
  });

  test('a parent whose pictures were deleted', async () => {
    await changeHead(lab.store, 'toy', head => ({ ...head, dataset_deleted: true }));
    await expect(branch()).rejects.toMatchObject({ status: 422, message: expect.stringContaining('were deleted') });
  });
});

describe('the same call again', () => {
  test('changes nothing, also when parent and branch have moved on', async () => {
    const { head } = await branch({ config: SLOW });
    const before = await readHead(lab.store, 'new');
    expect(await branch({ config: SLOW })).toMatchObject({ created: false, head });
    expect(await readHead(lab.store, 'new')).toEqual(before);
    await train('toy', 16);
    await train('new', 12);
    expect(await branch({ config: SLOW })).toMatchObject({
      created: false,
      head: { checkpoint: await checkpointAt(12, 'new') },
    });
    expect((await branch({ from: 8, config: SLOW })).created).toBe(false);
  });

  test('twice at once makes one branch', async () => {
    const made = await Promise.all([branch({ config: SLOW }), branch({ config: SLOW })]);
    expect(made.map(({ created }) => created).sort()).toEqual([false, true]);
  });

  test.each([
    ['another config', { config: SLOW }, 'optimizer.learning_rate (0.002, not 0.0001)'],
    ['another checkpoint', { from: 8 }, 'from (4, not 8)'],
    ['another target', { target: 96 }, 'run.target (none, not 96)'],
    ['another engine', { engine: { name: 'reference', threads: 2 } }, 'engine.threads (1)'],
  ] as const)('with %s is a conflict that says so', async (_, change, text) => {
    await branch({ from: 4 });
    const problem: unknown = await branch({ from: 4, ...change }).catch(error => error);
    expect(problem).toBeInstanceOf(Conflict);
    expect(String(problem)).toContain(text);
  });

  test('under the name of an experiment that is no branch of that one is a conflict', async () => {
    await lab.create('other');
    await expect(branch({ name: 'other' })).rejects.toThrow('parent (none, not toy)');
    await expect(branch({ name: 'toy' })).rejects.toThrow(Conflict);
  });

  test('gives a branch its pictures back when the parent has them again', async () => {
    await branch();
    for (const name of ['toy', 'new']) {
      await changeHead(lab.store, name, head => ({ ...head, dataset_deleted: true }));
    }
    await expect(train('new', 12)).rejects.toMatchObject({
      hint: expect.stringContaining('POST /experiments/new/train {"dataset":'),
    });
    await changeHead(lab.store, 'toy', ({ dataset_deleted: _, ...head }) => head);
    expect((await branch()).head).not.toHaveProperty('dataset_deleted');
    await train('new', 12);
  });
});

describe('the checkpoint at which a branch began', () => {
  test('stays when the parent supersedes it and when the branch has newer ones', async () => {
    const point = await checkpointAt(4);
    await branch({ from: 4, config: SLOW });
    await train('toy', 16);
    await train('new', 16);
    expect((await headOf('new')).history.map(({ step }) => step)).toEqual([12, 16]);
    expect(await isComplete(lab.blobs, point)).toBe(true);
    expect(await listKeys(lab.store, 'experiments/new/checkpoints/')).toContain(
      'experiments/new/checkpoints/step0000004.json',
    );
    expect(await findExperimentFaults(lab.store, 'new')).toEqual([]);
  });

  test('is where the training goes back to when the newer ones are lost', async () => {
    await branch({ from: 4, config: SLOW });
    await train('new', 16);
    const expected = (await headOf('new')).checkpoint;
    for (const { checkpoint } of (await headOf('new')).history) await loseBlob(checkpoint);
    const next = createTrainingLab(lab.store);
    await train('new', 16, next);
    expect(trainedBy(next)).toEqual(['train 4-8', 'train 8-12', 'train 12-16']);
    expect((await headOf('new')).checkpoint).toBe(expected);
  });

  test('is made again when one of its blobs is lost and the parent tells how', async () => {
    await branch({ from: 4, config: SLOW });
    const [tensor] = (await readCheckpoint(lab.blobs, await checkpointAt(4))).tensors.model;
    await loseBlob(tensor);
    const next = createTrainingLab(lab.store);
    await train('new', 8, next);
    expect(trainedBy(next)).toEqual(['train 0-4', 'train 4-8']);
  });

  test('lost for good ends the training with advice, and never begins it anew', async () => {
    await branch({ from: 4, config: SLOW });
    await train('new', 8);
    await deleteExperiment({ ...lab, now: Date.now }, 'toy');
    const heads = await headOf('new');
    for (const { checkpoint } of heads.history) await loseBlob(checkpoint);
    for (const key of await listKeys(lab.store, 'actions/train-chunk/')) await lab.store.delete(key);
    const next = createTrainingLab(lab.store);
    await expect(train('new', 16, next)).rejects.toMatchObject({
      code: 'blob_missing',
      message: expect.stringContaining('at which "new" began is lost'),
      hint: expect.stringContaining('DELETE /experiments/new'),
    });
    expect(trainedBy(next)).toEqual([]);
    expect((await headOf('new')).history).toEqual(heads.history);
  });

  test('outlasts the parent, gc and verify', async () => {
    const time = new FakeTime(SLEEP_PASSES);
    const lifetimes = { clock: time.clock(), extendAfterMs: GRACE_MS / 2 };
    const aged = createTrainingLab(createMemoryStore(new Map(), time.now), { lifetimes });
    await aged.create('toy');
    await train('toy', 8, aged);
    await branch({ from: 4, config: SLOW }, aged);
    const other = createTrainingLab();
    await other.create('toy');
    await train('toy', 8, other);
    await branch({ from: 4, config: SLOW }, other);
    await deleteExperiment({ ...aged, now: time.now }, 'toy');
    for (let call = 0; call < 3; call++) {
      time.pass(2 * GRACE_MS);
      await aged.executor.callEffect('gc', { delete: true });
    }
    expect(await aged.executor.callEffect('verify', {})).toMatchObject({ ok: true });
    const next = createTrainingLab(aged.store, { lifetimes });
    await train('new', 16, next);
    await train('new', 16, other);
    expect((await headOf('new', aged)).checkpoint).toBe((await headOf('new', other)).checkpoint);
    expect(await findExperimentFaults(aged.store, 'new')).toEqual([]);
    await deleteExperiment({ ...aged, now: time.now }, 'new');
    for (let call = 0; call < 3; call++) {
      time.pass(2 * GRACE_MS);
      await next.executor.callEffect('gc', { delete: true });
    }
    expect(await listKeys(aged.store, 'cas/')).toEqual([]);
  });
});
