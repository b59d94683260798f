import { beforeEach, describe, expect, test } from 'vitest';
import { Unprocessable } from '../../errors.ts';
import { putDocument, readDataset } from '../../storage/blobs/document-blobs.ts';
import type { Json } from '../../storage/canonical.ts';
import type { Digest } from '../../storage/digest.ts';
import { blobKey } from '../../storage/keys.ts';
import { createRefs } from '../../storage/names/refs.ts';
import { changeHead, readHead } from '../experiments/experiment-head.ts';
import { fakePlan } from '../testing/plans.ts';
import { ASKED_ENGINE, createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from '../testing/training.ts';
import { branchExperiment } from './branch-experiment.ts';
import { createExperiment } from './create-experiment.ts';
import { deleteExperiment } from './delete-experiment.ts';

const ENCODERS = {
  text: { name: 'words', dim: 192, tokens: 64 },
  cls: { name: 'dct', dim: 64 },
  patches: { name: 'dct', dim: 27, stride: 8 },
};

let lab: TrainingLab;
let dataset: Digest;

beforeEach(async () => {
  lab = createTrainingLab();
  dataset = await putToyDataset(lab.blobs);
});

const create = (of: Digest) => createExperiment(lab, 'toy', { config: TOY_CONFIG, dataset: of, engine: ASKED_ENGINE });

async function putChanged(changes: Readonly<Record<string, Json>>): Promise<Digest> {
  return (await putDocument(lab.blobs, { ...(await readDataset(lab.blobs, dataset)), ...changes })).digest;
}

/** The dataset as earlier versions wrote it: one encoder entry for both signals of a picture. */
function putOldForm(): Promise<Digest> {
  const image = { name: 'dct', cls_dim: 64, patch_dim: 27, stride: 8 };
  return putChanged({ encoders: { text: ENCODERS.text, image } });
}

test('of several names of one dataset, an experiment keeps the one by which it was asked for', async () => {
  const { datasets } = createRefs(lab.store);
  for (const name of ['copy', 'mine']) await datasets.create(name, { v: 1, dataset });
  const ask = (name: string, called?: string) =>
    createExperiment(lab, name, { config: TOY_CONFIG, dataset, called, engine: ASKED_ENGINE });
  expect((await ask('one', 'mine')).head.dataset_name).toBe('mine');
  expect((await ask('two')).head.dataset_name).toBe('copy');
  expect((await ask('three', 'gone')).head.dataset_name).toBe('copy');
});

test('a dataset without pictures to train on is refused, with its splits', async () => {
  const untrainable = await putChanged({ counts: { pictures: 3, train: 0, val: 1, test: 2 } });
  await expect(create(untrainable)).rejects.toMatchObject({
    message: 'none of 3 pictures of the dataset is there to train on',
    expected: 'pictures in the split train, beside 1 of val and 2 of test',
  });
});

test('a recipe without a size is created at a size for the pictures of the dataset, and found again', async () => {
  const small = await putToyDataset(lab.blobs, { side: 64 });
  const request = { config: 'seed', dataset: small, engine: ASKED_ENGINE };
  const { config } = await createExperiment(lab, 'seed', request);
  expect(config).toMatchObject({
    model: { hidden_size: 192, patch_size: 8, arch: 'cross' },
    data: { image_size: { width: 64, height: 64 } },
  });
  expect(await createExperiment(lab, 'seed', request)).toMatchObject({ created: false });
});

test('a size for larger pictures, of more signals than can be trained, is refused with its pictures', async () => {
  const small = await putToyDataset(lab.blobs, { side: 64 });
  const request = { config: 'seed-768', dataset: small, engine: ASKED_ENGINE };
  await expect(createExperiment(lab, 'large', request)).rejects.toMatchObject({
    status: 422,
    message: 'the signals of a picture of 1,024 x 1,024 pixels are 16,449 tokens',
    hint: expect.stringContaining('data.image_size'),
  });
});

describe('a PUT of an experiment whose dataset has another digest', () => {
  test('finds the experiment if the old document is the same dataset in its earlier form', async () => {
    const old = await putOldForm();
    expect(old).not.toBe(dataset);
    await create(old);
    expect(await create(dataset)).toMatchObject({ created: false, head: { dataset: old } });
    expect((await readHead(lab.store, 'toy')).value.dataset).toBe(old);
  });

  test('gives the experiment its pictures back if they were deleted', async () => {
    const old = await putOldForm();
    await create(old);
    await changeHead(lab.store, 'toy', head => ({ ...head, dataset_deleted: true }));
    const { head } = await create(dataset);
    expect(head.dataset).toBe(old);
    expect(head).not.toHaveProperty('dataset_deleted');
  });

  test.each([
    ['encoders', { encoders: { ...ENCODERS, cls: { name: 'other', dim: 64 } } }],
    ['removed pictures', { removed: ['0000000000000001'] }],
  ])('is a conflict if the %s differ', async (_, changes) => {
    const other = await putChanged(changes);
    await create(dataset);
    await expect(create(other)).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining(`not ${other}`),
    });
  });

  test('is a conflict if the old document is missing', async () => {
    const old = await putOldForm();
    await create(old);
    await changeHead(lab.store, 'toy', head => ({ ...head, dataset_deleted: true }));
    await lab.store.delete(blobKey(old));
    await expect(create(dataset)).rejects.toMatchObject({ status: 409, message: expect.stringContaining(old) });
  });
});

describe('an experiment on pictures of several sizes', () => {
  const size = (width: number, height: number) => ({ width, height });
  const createOn = async (sizes: readonly { width: number; height: number }[], config: object = TOY_CONFIG) =>
    createExperiment(lab, 'toy', {
      config: { ...config },
      dataset: await putToyDataset(lab.blobs, { sizes }),
      engine: ASKED_ENGINE,
    });
  const wide = { ...TOY_CONFIG, model: { ...TOY_CONFIG.model, patch_size: 16 } };

  test('is refused if a size does not divide into patches, wherever its picture stands', async () => {
    const error = {
      status: 422,
      message: 'pictures of 40 x 24 do not divide into patches of 16 pixels',
      expected: 'model.patch_size that divides both sides of all pictures: 1, 2, 4, 8',
    };
    await expect(createOn([size(32, 32), size(32, 32), size(40, 24)], wide)).rejects.toMatchObject(error);
    await expect(createOn([size(32, 32), size(48, 16)], wide)).resolves.toMatchObject({ created: true });
  });

  test('samples their commonest size, and says which pictures leave places empty', async () => {
    const sizes = [size(40, 24), ...Array<ReturnType<typeof size>>(8).fill(size(32, 32))];
    const { config, notes } = await createOn(sizes);
    expect(config.data.image_size).toEqual(size(32, 32));
    expect(notes?.map(({ text }) => text)).toEqual(['1 picture of 40 x 24 in a group of 8: 7 places stay empty']);
  });

  test('is found again with the size that an earlier version chose', async () => {
    const sizes = [size(40, 24), size(32, 32), size(32, 32)];
    const of = (image_size: object) => ({ ...TOY_CONFIG, data: { ...TOY_CONFIG.data, ...image_size } });
    await createOn(sizes, of({ image_size: size(40, 24) }));
    const found = await createOn(sizes);
    expect(found).toMatchObject({ created: false, config: { data: { image_size: size(40, 24) } } });
    await expect(createOn(sizes, of({ image_size: size(32, 32) }))).rejects.toThrow('data.image_size');
    await expect(createOn(sizes, of({ image_size: size(32, 31) }))).rejects.toMatchObject({
      status: 422,
      message: expect.stringMatching(/^data.image_size 32 x 31 does not divide into patches/),
      expected: expect.stringContaining('32 x 32 is near'),
    });
  });

  test('is found again if an earlier version left open how it is trained', async () => {
    const sizes = [size(40, 24), size(32, 32), size(32, 32)];
    const { config, head } = await createOn(sizes);
    expect(config.model.tokens_per_side).toBe(4);
    expect(config.model.conditions?.patches?.norm).toBe('none');
    const { tokens_per_side: _, conditions, ...model } = config.model;
    const { bucket_group: __, ...data } = config.data;
    const { patches: { norm: ___, ...patches } = {}, cls: { norm: ____, ...cls } = {}, ...others } = conditions ?? {};
    const old = { ...config, model: { ...model, conditions: { ...others, cls, patches } }, data };
    const { digest } = await putDocument(lab.blobs, old);
    await changeHead(lab.store, 'toy', now => ({ ...now, config: digest }));
    expect(await createOn(sizes)).toMatchObject({ created: false, head: { config: digest } });
    const stated = { ...TOY_CONFIG, data: { ...TOY_CONFIG.data, bucket_group: 4 } };
    await expect(createOn(sizes, stated)).rejects.toThrow('data.bucket_group');
    expect(head.config).not.toBe(digest);
  });

  test('trains them in groups of one size, which the micro-batch divides', async () => {
    const config = { ...TOY_CONFIG, data: { batch_size: 48 } };
    const dataset = await putToyDataset(lab.blobs, { sizes: [size(32, 32), size(48, 16)] });
    const made = await createExperiment(lab, 'two', { config, dataset, engine: { ...ASKED_ENGINE, micro_batch: 8 } });
    expect(made.config.data).toMatchObject({ batch_size: 48, bucket_group: 16 });
    const larger = createExperiment(lab, 'three', { config, dataset, engine: { ...ASKED_ENGINE, micro_batch: 24 } });
    await expect(larger).rejects.toMatchObject({
      status: 422,
      message: 'engine.micro_batch 24 does not divide data.bucket_group 16',
    });
    const single = await createExperiment(lab, 'one', {
      config,
      dataset: await putToyDataset(lab.blobs),
      engine: { ...ASKED_ENGINE, micro_batch: 24 },
    });
    expect(single.config.data).not.toHaveProperty('bucket_group');
  });

  test('is refused by the tokens and the memory of its largest pictures', async () => {
    const fine = { ...TOY_CONFIG, model: { ...TOY_CONFIG.model, patch_size: 2, conditions: {} } };
    await expect(createOn([size(64, 64), size(72, 64)], fine)).rejects.toThrow('pictures of 72 x 64 are 1,152 tokens');
    lab.runner.memoryBytes = 2 ** 30;
    lab.runner.onPlan = fakePlan;
    const larger = { ...TOY_CONFIG, model: { ...TOY_CONFIG.model, depth: 4, hidden_size: 64 } };
    await expect(createOn([size(16, 16), size(512, 512)], larger)).rejects.toThrow('the training takes 1.2 GiB');
    expect(lab.runner.computed.splice(0)).not.toEqual([]);
    await expect(createOn([size(16, 16), size(16, 16)], larger)).resolves.toMatchObject({ created: true });
    expect(lab.runner.computed).toEqual([]);
  });
});

test('a branch is found again when its parent was created anew on the same dataset in another form', async () => {
  const old = await putOldForm();
  const branch = () => branchExperiment(lab, 'toy', { name: 'new', from: 4, config: {} });
  const train = () => lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
  await create(old);
  await train();
  await branch();
  await deleteExperiment({ ...lab, now: Date.now }, 'toy');
  await create(dataset);
  await train();
  expect(await branch()).toMatchObject({ created: false, head: { dataset: old } });
});

describe('refused at once, and not at the first chunk, is', () => {
  const objective = (losses: object) => ({ objective: { losses } });
  const lpips = objective({ lpips: { weight: 1 } });
  const half = { data: { batch_size: 8, resolution_schedule: [{ until_step: 2, scale: 0.5 }] } };
  const bare = { model: { ...TOY_CONFIG.model, patch_size: 4, conditions: {} } };
  const createOn = async (side: number, config: object) =>
    createExperiment(lab, 'toy', {
      config: { ...TOY_CONFIG, ...config },
      dataset: await putToyDataset(lab.blobs, { side }),
      engine: ASKED_ENGINE,
    });

  test.each([
    [
      'a scale at which pictures are too small for a loss',
      32,
      { ...lpips, ...half },
      'pictures of 16 x 16 are compared',
    ],
    [
      'a scale at which features do not fill pictures',
      24,
      { ...bare, ...half, ...objective({ repa: { weight: 1 } }) },
      'in pictures of 12 x 12, the grid of 1 x 1 features of 8 pixels leaves pixels out',
    ],
    ['a gap between losses', 16, objective({ flow_matching: { weight: 0 } }), 'no loss of objective.losses'],
  ])('%s', async (_, side, config, message) => {
    await expect(createOn(side, config)).rejects.toMatchObject({
      status: 422,
      message: expect.stringContaining(message),
      expected: expect.any(String),
    });
  });

  test('a pattern that matches no parameter, as the gpu-runner says, which is asked for nothing else', async () => {
    lab.runner.onPlan = () => {
      throw new Unprocessable('no parameter is named "nothing"', { expected: 'a name' });
    };
    const frozen = { ...TOY_CONFIG, optimizer: { ...TOY_CONFIG.optimizer, freeze: ['nothing'] } };
    await expect(createOn(16, frozen)).rejects.toMatchObject({ status: 422, expected: 'a name' });
    await expect(createOn(16, {})).resolves.toMatchObject({ created: true });
  });

  test('but not what an earlier version took', async () => {
    const config = { ...TOY_CONFIG, optimizer: { ...TOY_CONFIG.optimizer, min_learning_rate: 1 } };
    const made = await createOn(16, {});
    const { digest } = await putDocument(lab.blobs, {
      ...made.config,
      optimizer: { ...made.config.optimizer, min_learning_rate: 1 },
    });
    await changeHead(lab.store, 'toy', head => ({ ...head, config: digest }));
    await expect(createOn(16, config)).resolves.toMatchObject({ created: false });
  });
});
