import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Evaluation } from '../configs/evaluation.ts';
import type { Memorization } from '../configs/memorization.ts';
import { putDocument } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore, type MemoryObjects } from '../storage/drivers/memory.ts';
import { interceptStore } from '../storage/intercept.ts';
import { blobKey } from '../storage/keys.ts';
import { describeVerdict } from './check-memorization.ts';
import { createNameResolver } from './execution/names.ts';
import { MEMORIZATION, readMemorization } from './experiments/border/memorization-step.ts';
import { readConfig, readHead } from './experiments/experiment-head.ts';
import { isComplete } from './experiments/kept-checkpoints.ts';
import { branchExperiment } from './operations/branch-experiment.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { recordArtifact } from './operations/record-artifact.ts';
import { drawTrainingPictures } from './testing/draw-training-pictures.ts';
import { putPosed } from './testing/known-poses.ts';
import {
  ASKED_ENGINE,
  createTrainingLab,
  listKeys,
  putToyDataset,
  TOY_CONFIG,
  type TrainingLab,
} from './testing/training.ts';
import { describeExperiment } from './views/experiment-view.ts';
import { readMetrics, readScalars } from './views/metrics.ts';
import { rebuildView } from './views/rebuild-experiment-view.ts';

const TRAINED = 12;
const FOLDER = 'experiments/toy/memorization/step0000004/';

let lab: TrainingLab;
let dataset: Digest;

/** A short training on pictures of noise. Its conditions come from `dct`, which may not judge it. */
const trained: MemoryObjects = new Map();
beforeAll(async () => {
  lab = createTrainingLab(createMemoryStore(trained));
  dataset = await putToyDataset(lab.blobs, { count: TRAINED + 6, heldOut: 6 });
  await createExperiment(lab, 'toy', { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 32 });
});
beforeEach(() => {
  lab = createTrainingLab(createMemoryStore(new Map(trained)));
});

const overfit = () => drawTrainingPictures(lab, dataset, TRAINED);

const check = (body = {}) =>
  lab.executor.callEffect('check-memorization', { checkpoint: 'toy', samples: 8, steps: 2, ...body }) as Promise<
    Record<string, unknown>
  >;
const exportToy = (body = {}) => lab.executor.call('export', { checkpoint: 'toy', ...body });

test('a model that draws its training pictures is not exported, unless the caller accepts that', async () => {
  await overfit();
  const found = await check();
  expect(found).toMatchObject({ memorized: true, samples: 8, step: 4, folder: FOLDER, split: 'train' });
  expect(found.why_extractor).toContain('the training saw dct, as the signal cls');
  expect(found.verdict).toContain('100 % of the drawn pictures are copies by thumbnail, 0 % of the held-out ones');
  await expect(exportToy()).rejects.toThrow('toy@4 has memorized training pictures: 100 % of what it draws');
  // A digest is no way around it.
  const { checkpoint } = (await readHead(lab.store, 'toy')).value;
  await expect(exportToy({ checkpoint })).rejects.toThrow('toy@4 has memorized');
  await expect(exportToy({ memorized: 'accept' })).rejects.toThrow('this runner has no weights');
});

test('a check under several conditions computes nothing that a check under one of them has computed, or will', async () => {
  const { computed } = lab.runner;
  await check({ condition: 'text' });
  const first = computed.length;
  await check({ conditions: ['text', 'unconditional'] });
  const both = computed.length;
  await check({ condition: 'unconditional', swapped: 0 });
  expect([both > first, computed.length]).toEqual([true, both]);
  expect(new Set(computed.slice(first))).toEqual(new Set(['sample']));
});

test('several conditions have one verdict, that of the worst', async () => {
  await overfit();
  const alone = (await check({ condition: 'text' })) as unknown as Memorization;
  expect([alone.conditions, alone.spaces[0]?.condition]).toEqual([undefined, undefined]);
  const found = (await check({ conditions: ['text', 'unconditional', 'text'] })) as unknown as Memorization & {
    readonly verdict: string;
  };
  expect(found).toMatchObject({ conditions: ['text', 'unconditional'], condition: 'text', samples: 16 });
  const spaces = found.spaces.map(({ condition, extractor, drawn }) => [condition, extractor, drawn.pictures]);
  expect(spaces).toEqual([
    ['text', 'thumbnail', 8],
    ['unconditional', 'thumbnail', 8],
  ]);
  const { condition: _, ...first } = found.spaces[0] ?? {};
  expect(first).toEqual(alone.spaces[0]);
  expect(found.memorized).toBe(true);
  expect(found.verdict).toContain('of the drawn pictures from text are copies by thumbnail');
  await expect(exportToy()).rejects.toThrow('of what it draws from text are copies by thumbnail');
  const { series } = await readMetrics(lab.blobs, (await readHead(lab.store, 'toy')).value.chunks, 3, 1);
  expect(series).toMatchObject({ 'memorization/copies_thumbnail': [1], 'memorization/copies_thumbnail_text': [1] });
  expect(Object.keys(series)).toContain('memorization/copies_thumbnail_unconditional');
});

test('one condition in a list is that condition, and its answer is the same', async () => {
  const { document } = await check({ condition: 'text' });
  expect((await check({ conditions: ['text'] })).document).toBe(document);
});

test('a check tells how often the training had seen its pictures', async () => {
  expect(await check()).toMatchObject({ trained: { samples: 32, pictures: TRAINED, passes: 32 / TRAINED } });
});

test('captions of trained pictures alone return them, and those of held-out pictures do not', async () => {
  await overfit();
  const found = (await check({ swapped: 16 })) as unknown as Memorization & { readonly verdict: string };
  expect([found.caption_swap, found.no_caption_swap]).toEqual([{ condition: 'text', samples: 16 }, undefined]);
  expect(found.spaces[0]?.caption_swap).toMatchObject({
    ...{ returned: { pictures: 16, copies: 16 }, floor: { pictures: 16, copies: 0 }, excess: 1 },
  });
  expect(found.verdict).toContain(
    'captions of trained pictures, with nothing else of them, give 100 % of these back by thumbnail, ' +
      'those of held-out ones 0 %',
  );
  const { series } = await readMetrics(lab.blobs, (await readHead(lab.store, 'toy')).value.chunks, 3, 1);
  expect(series).toMatchObject({ 'memorization/caption_swap_thumbnail': [1] });
  expect(await check({ swapped: 0 })).toMatchObject({ no_caption_swap: 'swapped is 0' });
});

test('a model with poses is given the caption with the pose of another picture', async () => {
  const posed = await putPosed(lab, { pose: { name: 'known', joints: 133 } }, []);
  await createExperiment(lab, 'posed', { config: TOY_CONFIG, dataset: posed, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'posed', target: 8 });
  const found = await check({ checkpoint: 'posed', samples: 4 });
  expect(found).toMatchObject({ condition: 'pose_text', caption_swap: { condition: 'other_pose', samples: 4 } });
});

test('drawn pictures are nearer to trained pictures than to held-out ones, and why there is no LPIPS', async () => {
  await overfit();
  const found = (await check()) as unknown as Memorization;
  const { train, held_out: heldOut, difference } = found.picture_gap?.measures.feature_distance ?? {};
  expect([found.picture_gap?.extractor, train?.n, heldOut?.n]).toEqual(['thumbnail', 8, 8]);
  expect(train?.mean).toBeCloseTo(0, 6);
  expect(difference?.low).toBeGreaterThan(0.01);
  expect(found.picture_gap?.measures.psnr?.train.mean).toBe(150);
  expect(found.picture_gap).not.toHaveProperty('lpips');
  expect(found.no_lpips).toContain('no net of LPIPS is installed');
  expect(await check({ split: 'val' })).toMatchObject({
    no_picture_gap: 'nothing was drawn from trained pictures: split is val',
  });
});

test('a model that draws something else passes, and its verdict is part of the view', async () => {
  const found = await check();
  expect(found).toMatchObject({ memorized: false, gap: { difference: expect.any(Number), noises: 4 } });
  await expect(exportToy()).rejects.toThrow('this runner has no weights');
  const files = await listKeys(lab.store, FOLDER);
  expect(files).toEqual(['nearest.png', 'results.json'].map(name => FOLDER + name));
  const before = await Promise.all(files.map(async key => (await lab.store.get(key))?.body));
  await lab.store.delete(`${FOLDER}results.json`);
  await rebuildView({ ...lab, name: 'toy' });
  expect(await Promise.all(files.map(async key => (await lab.store.get(key))?.body))).toEqual(before);
  expect(await lab.executor.callEffect('verify', {})).toMatchObject({ ok: true });
});

test('the rate of copies is a metric, also in TensorBoard', async () => {
  await check();
  const [chunk] = (await readHead(lab.store, 'toy')).value.chunks;
  if (chunk === undefined) throw new Error('no chunk');
  expect((await readMetrics(lab.blobs, [chunk], 3, 1)).series).toMatchObject({ 'memorization/copies_thumbnail': [0] });
  expect((await readScalars(lab.blobs, chunk)).at(-1)?.scalars).toMatchObject({ 'memorization/copies_thumbnail': 0 });
});

test('verify reads documents of before that do not tell the settings of the sampler', async () => {
  const { document } = (await check()) as { readonly document: Digest };
  const { sampling: _, ...before } = await readMemorization(lab.blobs, document);
  const { digest } = await putDocument(lab.blobs, before);
  expect(digest).not.toBe(document);
  await recordArtifact(lab, { name: 'toy', step: 4, artifact: MEMORIZATION, folder: 'memorization' }, digest);
  expect(await lab.executor.callEffect('verify', {})).toMatchObject({ ok: true, unreadable: { total: 0 } });
});

test('a verdict counts for each experiment that has the checkpoint, and stays when the checkpoint is pruned', async () => {
  await overfit();
  const { checkpoint, history } = (await readHead(lab.store, 'toy')).value;
  await branchExperiment(lab, 'toy', { name: 'branch', from: 'latest', config: {} });
  await createExperiment(lab, 'twin', { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'twin', target: 32 });
  expect((await readHead(lab.store, 'twin')).value.history).toEqual(history);
  // The branch has no chunk that ends here: the verdict stays with an experiment that has one.
  expect(await check({ checkpoint: 'branch' })).toMatchObject({ memorized: true, folder: FOLDER });
  for (const name of ['branch', 'toy', 'twin']) {
    await expect(exportToy({ checkpoint: name })).rejects.toThrow('toy@4 has memorized');
  }
  await lab.executor.callEffect('train', { experiment: 'toy', target: 128 });
  await lab.executor.callEffect('train', { experiment: 'twin', target: 128 });
  await expect(exportToy({ checkpoint: 'toy@4' })).rejects.toThrow('no checkpoint of step 4');
  await expect(exportToy({ checkpoint })).rejects.toThrow('toy@4 has memorized');
});

test('a check whose held-out pictures look like copies themselves says that it cannot tell', () => {
  const copies = (rate: number) => ({ pictures: 10, copies: 10 * rate, rate, low: 0, high: 1 });
  const verdict = (drawn: number, held_out: number) =>
    describeVerdict({
      ...{ memorized: false, limit: 0.01 },
      spaces: [{ extractor: 'dct', training: 9, drawn: copies(drawn), held_out: copies(held_out), excess: 0 }],
    });
  expect(verdict(0.9, 0.9)).toContain('the check cannot tell: 90 % of the held-out pictures look like copies by dct');
  expect(verdict(0, 0.1)).toContain('no memorizing found');
  const space = { extractor: 'dct', training: 9, held_out: copies(0), excess: 0 };
  const obeying = { ...space, extractor: 'thumbnail', drawn: copies(0.6), obeyed: copies(0.7) };
  const spaces = [{ ...space, drawn: copies(0) }, obeying];
  expect(describeVerdict({ memorized: false, limit: 0.01, spaces })).toBe(
    'no memorizing found: 60 % of the drawn pictures are copies by thumbnail, 0 % of the held-out ones; conditions of ' +
      'held-out pictures alone give 70 % of these back',
  );
});

test('an export of an unchecked model says how to check it', async () => {
  const told: string[] = [];
  const onEvent = ({ message }: { message?: string }) => void told.push(message ?? '');
  await lab.executor.call('export', { checkpoint: 'toy' }, { onEvent }).catch(() => {});
  expect(told.join()).toContain('POST /functions/check-memorization {"checkpoint": "toy@4"}');
});

test('an evaluation has every control row, and the pictures of its drawn row', async () => {
  const body = { checkpoint: 'toy@4', samples: 3, steps: 2, conditions: ['text', 'unconditional'] };
  const table = (await lab.executor.callEffect('evaluate', body)) as unknown as Evaluation;
  expect(table.rows.map(({ row, condition }) => [row, ...(condition ? [condition] : [])])).toEqual([
    ...[
      ['drawn', 'text'],
      ['drawn', 'unconditional'],
      ['untrained', 'text'],
      ['untrained', 'unconditional'],
    ],
    ...['real', 'down_up', 'blur', 'nearest', 'random', 'mean', 'noise'].map(name => [name]),
  ]);
  expect(table.extractor).toBe('thumbnail');
  expect(table.rows.find(({ row }) => row === 'real')?.distance).toEqual({ mean: 0, low: 0, high: 0 });
  const psnr = (name: string) => table.rows.find(({ row }) => row === name)?.fidelity?.psnr?.mean ?? 0;
  expect(psnr('real')).toBe(150);
  expect([psnr('down_up') > psnr('noise'), psnr('noise') > 0]).toEqual([true, true]);
  expect(table.missing.map(({ row, column }) => row ?? column)).toEqual(['beside', 'clip', 'vqa', 'pose']);
  const { computed } = lab.runner;
  const samples = computed.filter(kind => kind === 'sample').length;
  await lab.executor.callEffect('evaluate', body);
  expect(computed.filter(kind => kind === 'sample')).toHaveLength(samples);
  expect(await listKeys(lab.store, 'experiments/toy/evaluation/')).toEqual([
    'experiments/toy/evaluation/step0000004/results.json',
  ]);
});

test('a row of a condition that leaves pictures out ends, and is compared with the pictures that it drew', async () => {
  const sizes = [16, 16, 16, 16, 16, 24].map(width => ({ width, height: 16 }));
  const wide = await putToyDataset(lab.blobs, { sizes, heldOut: 3 });
  await createExperiment(lab, 'wide', { config: TOY_CONFIG, dataset: wide, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'wide', target: 8 });
  const body = { checkpoint: 'wide', samples: 3, steps: 2, conditions: ['swap'] };
  const { rows, sizes: compared } = (await lab.executor.callEffect('evaluate', body)) as unknown as Evaluation;
  const [drawn] = rows;
  expect([drawn?.drawn, drawn?.fidelity?.psnr?.mean]).toEqual([2, expect.any(Number)]);
  expect(compared).toEqual([
    { width: 16, height: 16, pictures: 2 },
    { width: 24, height: 16, pictures: 1 },
  ]);
});

describe('the last checkpoint before copies', () => {
  const headOf = async () => (await readHead(lab.store, 'toy')).value;
  const trainTo = (step: number) => lab.executor.callEffect('train', { experiment: 'toy', target: 8 * step });
  const resolve = (name: string) => createNameResolver(lab.store).resolve('experiment', name, 'checkpoint');

  test('stays when checks were asked for, and later checkpoints are not exported without a check', async () => {
    await expect(resolve('toy@clean')).rejects.toThrow('no check found a checkpoint of "toy"');
    await check();
    const { clean, history } = await headOf();
    expect(clean).toEqual(history.at(-1));
    await trainTo(8);
    await overfit();
    await check();
    await trainTo(24);
    const head = await headOf();
    expect([head.clean, head.memorizing]).toEqual([clean, { step: 8, rate: 1, extractor: 'thumbnail' }]);
    expect(await resolve('toy@clean')).toBe(clean?.checkpoint);
    expect(clean && (await isComplete(lab.blobs, clean.checkpoint))).toBe(true);
    await expect(exportToy()).rejects.toThrow('toy@24 was trained on after toy@8 had memorized');
    await expect(exportToy({ checkpoint: 'toy@clean' })).rejects.toThrow('this runner has no weights');
    const config = await readConfig(lab.blobs, head);
    const view = await describeExperiment({ ...lab, name: 'toy' }, { head, config });
    expect(view.checkpoints).toMatchObject([
      { step: 4, clean: true },
      { step: 20, memorizing: true },
      { step: 24, memorizing: true },
    ]);
    expect(view.checkpoints[0]).not.toHaveProperty('memorizing');
    expect(JSON.stringify(view.notes)).toContain('step 4 is the last that does not, and stays: toy@clean');
    expect(await lab.executor.callEffect('verify', {})).toMatchObject({ ok: true });
  });

  test('a later check that finds no copies passes for its own checkpoint alone', async () => {
    await overfit();
    await check();
    lab = createTrainingLab(lab.store);
    await trainTo(8);
    await check();
    const { clean, memorizing } = await headOf();
    expect([clean, memorizing?.step]).toEqual([undefined, 4]);
    await expect(exportToy()).rejects.toThrow('this runner has no weights');
  });

  test('is none that a check cannot tell of, nor does such a check let a later checkpoint pass', async () => {
    const blind = await check({ ratio: 1 });
    expect(blind.verdict).toContain('the check cannot tell');
    expect(await headOf()).not.toHaveProperty('clean');
    const told: string[] = [];
    const onEvent = ({ message }: { message?: string }) => void told.push(message ?? '');
    await lab.executor.call('export', { checkpoint: 'toy' }, { onEvent }).catch(() => {});
    expect(told.join()).toContain('the check of toy@4 cannot tell');
    await overfit();
    await check({ seed: 1 });
    await trainTo(8);
    lab = createTrainingLab(lab.store);
    await check({ ratio: 1 });
    await expect(exportToy()).rejects.toThrow('toy@8 was trained on after toy@4 had memorized');
  });

  test('a lost document of an earlier check hinders no later one, and its verdict stands', async () => {
    const lose = async (step: number) => {
      const { chunks } = await headOf();
      const document = chunks.find(({ to }) => to === step)?.artifacts[MEMORIZATION];
      await lab.store.delete(blobKey(document as Digest));
    };
    await check();
    const { clean } = await headOf();
    await lose(4);
    await trainTo(8);
    await overfit();
    await check();
    expect(await headOf()).toMatchObject({ clean, memorizing: { step: 8 } });
    await lose(8);
    await trainTo(12);
    await check();
    expect(await headOf()).toMatchObject({ clean, memorizing: { step: 8 } });
  });

  test('is found by the checks of a training', async () => {
    const run = { ...TOY_CONFIG.run, check_memorization: { every: 4, samples: 8 } };
    await createExperiment(lab, 'toy', { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
    await trainTo(8);
    const clean = (await headOf()).history.at(-1);
    await overfit();
    const told: string[] = [];
    const onEvent = ({ message }: { message?: string }) => void told.push(message ?? '');
    await lab.executor.callEffect('train', { experiment: 'toy', target: 8 * 24 }, { onEvent });
    const head = await headOf();
    expect([head.clean, head.memorizing?.step]).toEqual([clean, 12]);
    expect(told.filter(message => message.includes('gives training pictures back'))).toHaveLength(1);
    expect(await lab.executor.callEffect('verify', {})).toMatchObject({ ok: true });
  });

  test('a training checks under several conditions', async () => {
    const run = { ...TOY_CONFIG.run, check_memorization: { every: 4, samples: 8, conditions: ['text', 'full'] } };
    await createExperiment(lab, 'toy', { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
    await trainTo(8);
    const { series } = await readMetrics(lab.blobs, (await headOf()).chunks, 7, 1);
    expect(Object.keys(series)).toEqual(
      expect.arrayContaining(['memorization/copies_thumbnail_text', 'memorization/copies_thumbnail_full']),
    );
  });

  test('a check that cannot be made ends no training', async () => {
    const run = { ...TOY_CONFIG.run, check_memorization: { every: 4, samples: 8, split: 'val' } };
    dataset = await putToyDataset(lab.blobs, { count: TRAINED });
    await createExperiment(lab, 'unheld', { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
    const told: string[] = [];
    const onEvent = ({ message }: { message?: string }) => void told.push(message ?? '');
    await lab.executor.callEffect('train', { experiment: 'unheld', target: 32 }, { onEvent });
    expect(told.join()).toContain(
      'step 4 was not checked for copies of training pictures: the dataset has no pictures',
    );
    expect((await readHead(lab.store, 'unheld')).value).toMatchObject({ state: 'done' });
  });
});

test('the pictures of the untrained network are drawn once for all checkpoints of a training', async () => {
  const { history } = (await readHead(lab.store, 'toy')).value;
  const countSamples = () => lab.runner.computed.filter(kind => kind === 'sample').length;
  const body = { samples: 3, steps: 2, conditions: ['text'] };
  await lab.executor.callEffect('evaluate', { ...body, checkpoint: 'toy' });
  const before = countSamples();
  await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
  const trained = countSamples();
  await lab.executor.callEffect('evaluate', { ...body, checkpoint: 'toy@8' });
  expect([history.length, countSamples() - trained]).toEqual([1, before / 2]);
});

test('a sweep of guidance and weights has a row for each combination', async () => {
  const sweep = { guidance: [1, 3, 1], weights: ['ema', 'raw', 'ema'] };
  const body = { checkpoint: 'toy', samples: 2, steps: 1, conditions: ['text'] };
  const { rows } = (await lab.executor.callEffect('evaluate', { ...body, sweep })) as unknown as Evaluation;
  expect(rows.flatMap(({ row, guidance, weights }) => (row === 'sweep' ? [[guidance, weights]] : []))).toEqual([
    ...[
      [1, 'ema'],
      [1, 'raw'],
      [3, 'ema'],
      [3, 'raw'],
    ],
  ]);
  const about = rows.find(({ row }) => row === 'sweep')?.about;
  expect(about).toBe('toy at step 4, guidance 1, weights ema, from the caption alone');
  const scales = Array.from({ length: 40 }, (_, i) => i);
  const large = lab.executor.callEffect('evaluate', { ...body, sweep: { ...sweep, guidance: scales } });
  await expect(large).rejects.toThrow('sweep: 80 combinations');
});

const SMALL = { checkpoint: 'toy', samples: 2, steps: 1 };

test.each([
  ['evaluate', { ...SMALL, conditions: ['text'] }],
  ['check-memorization', SMALL],
])('after a kill at a write of %s, the same call completes to the same end', async (name, body) => {
  const objects: MemoryObjects = new Map(trained);
  // A kill before the n-th write leaves the first n - 1.
  const left: MemoryObjects[] = [];
  const recorded = interceptStore(createMemoryStore(objects), async ({ operation }, run) => {
    if (operation === 'put') left.push(new Map(objects));
    return run();
  });
  const call = async (of: TrainingLab) => [
    await of.executor.callEffect(name, body),
    await listKeys(of.store, 'experiments/'),
    (await readHead(of.store, 'toy')).value.chunks,
  ];
  const whole = await call(createTrainingLab(recorded));
  expect(left.length).toBeGreaterThan(20);
  // The last writes name the document, and show it.
  const kills = [left[left.length >> 1], ...left.slice(-3)];
  for (const [i, before] of kills.entries()) {
    expect(await call(createTrainingLab(createMemoryStore(before))), `kill ${i}`).toEqual(whole);
  }
});

test.each([
  [{ checkpoint: 'toy@9' }, 'keeps no checkpoint of step 9'],
  [{ checkpoint: 'tay' }, 'there is no experiment "tay"'],
  [{ extractor: 'dct' }, 'the training saw dct'],
  [{ extractor: 'efficientnet-lite0' }, 'needs weights, which are not installed'],
  [{ condition: 'pose' }, 'the model was trained without pose'],
  [{ conditions: ['text', 'pose'] }, 'the model was trained without pose'],
  [{ condition: 'text', conditions: ['text', 'full'] }, 'condition and conditions are both given'],
])('a check that cannot be made is refused: %j', async (body, text) => {
  await expect(check(body)).rejects.toThrow(text);
});
