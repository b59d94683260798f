import { beforeEach, describe, expect, test } from 'vitest';
import { CONTROL_NAMES } from '../../../configs/control-names.ts';
import type { Suite } from '../../../configs/validation-suite.ts';
import { packColumn } from '../../../formats/webdataset.ts';
import { putDocument, readDataset } from '../../../storage/blobs/document-blobs.ts';
import { readItems } from '../../../storage/blobs/items.ts';
import type { Digest } from '../../../storage/digest.ts';
import { branchExperiment } from '../../operations/branch-experiment.ts';
import { createExperiment } from '../../operations/create-experiment.ts';
import {
  ASKED_ENGINE,
  createTrainingLab,
  listKeys,
  putToyDataset,
  TOY_CONFIG,
  type TrainingLab,
} from '../../testing/training.ts';
import { viewOf } from '../../views/experiment-view.ts';
import { readMetrics } from '../../views/metrics.ts';
import { rebuildView } from '../../views/rebuild-experiment-view.ts';
import { readHead } from '../experiment-head.ts';
import { readSuite } from './run-suite.ts';

let lab: TrainingLab;

/** Four held-out pictures of 16 pixels with captions, and two trained ones. */
async function putCaptioned(heldOut = 4, captioned = 'a long hat', other = 'a hat'): Promise<Digest> {
  const toy = await readDataset(lab.blobs, await putToyDataset(lab.blobs, { count: 6, heldOut }));
  const [page] = toy.pages;
  if (page === undefined) throw new Error('no page');
  const ids = (await readItems(lab.blobs, page)).map(({ id }) => id);
  const members = ids.map((id, i) => [`${id}.txt`, Buffer.from(i % 2 === 0 ? captioned : other)] as const);
  const caption = (await lab.blobs.put(packColumn(new Map(members)), 'application/x-tar')).digest;
  const pages = [{ ...page, columns: { ...page.columns, caption } }];
  return (await putDocument(lab.blobs, { ...toy, pages, links: [...toy.links, caption] })).digest;
}

async function train(
  validate: object | undefined,
  { heldOut = 4, target = 64, caption = 'a long hat', other = 'a hat' } = {},
) {
  const run = { ...TOY_CONFIG.run, preview: { prompts: [], steps: 2 }, ...(validate && { validate }) };
  const dataset = await putCaptioned(heldOut, caption, other);
  await createExperiment(lab, 'toy', { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target });
  return (await readHead(lab.store, 'toy')).value;
}

beforeEach(() => {
  lab = createTrainingLab();
});

describe('the suite of a training', () => {
  test('runs every so many steps, and writes results, collages and pictures', async () => {
    const { chunks } = await train({ every: 12, pictures: 3 }, { target: 128 });
    expect(chunks.map(({ artifacts }) => artifacts.suite !== undefined)).toEqual([false, false, true, false]);
    const suite = await readSuite(lab.blobs, chunks[2]?.artifacts.suite as Digest);
    const told = suite.tests.map(({ test: name, skipped, scores }) => [name, skipped ?? scores.length]);
    expect(told).toEqual([
      ['reconstruction', 2],
      ['swap', 5],
      ['edit', 3],
      ['text', 2],
      ['pose_text', 'the model was trained without pose'],
    ]);
    const [reconstruction, swap, edit] = suite.tests;
    expect(reconstruction?.scores[0]?.ids).toHaveLength(3);
    const measures = ['color_distance', 'feature_distance', 'ms_ssim', 'psnr', 'ssim'];
    expect(Object.keys(reconstruction?.scores[0]?.values ?? {})).toEqual(measures);
    expect(suite.extractor).toBe('thumbnail');
    expect(swap?.scores[0]?.values.cls_distance).toHaveLength(3);
    expect(swap?.differences.map(({ difference }) => difference)).toEqual(['b_over_a', 'effect_over_floor']);
    // Two captions of three have the word of an edit.
    expect(edit?.scores.map(({ ids }) => ids.length)).toEqual([2, 2, 3]);

    const files = await listKeys(lab.store, 'experiments/toy/validation/step0000012/');
    const names = files.map(file => file.slice('experiments/toy/validation/step0000012/'.length));
    expect(names).toContain('results.json');
    expect(names).toContain('swap-ema.png');
    expect(names.filter(name => name.startsWith('full-ema/'))).toHaveLength(3);
    expect(suite.controls.map(({ score }) => score)).toEqual(CONTROL_NAMES);
    await rebuildView(viewOf(lab, 'toy'));
    expect(await listKeys(lab.store, 'experiments/toy/validation/step0000012/')).toEqual(files);

    const { series } = await readMetrics(lab.blobs, chunks, 0, 100);
    expect(series['validation/reconstruction_psnr']?.filter(value => value !== null)).toHaveLength(1);
  });

  test('leaves pictures with an empty caption out of the caption alone, and counts them', async () => {
    const { chunks } = await train(
      { every: 12, pictures: 4, tests: ['reconstruction', 'text'] },
      { target: 128, other: '' },
    );
    const suite = await readSuite(lab.blobs, chunks[2]?.artifacts.suite as Digest);
    const told = suite.tests.map(({ test: name, left_out, scores }) => [name, left_out, scores[0]?.ids.length]);
    expect(told).toEqual([
      ['reconstruction', undefined, 4],
      ['text', [{ reason: 'its caption is empty', pictures: 2 }], 2],
    ]);
  });

  test('tells the course of scores, and how each picture moved since the last one', async () => {
    const { chunks } = await train({ every: 4, pictures: 2, tests: ['text', 'drift'] });
    const suites = await Promise.all(chunks.map(({ artifacts }) => readSuite(lab.blobs, artifacts.suite as Digest)));
    expect(suites[0]?.drift.map(({ course, change }) => [course.length, change])).toEqual(
      Array(5).fill([1, undefined]),
    );
    const moved = suites[1]?.drift.find(({ measure }) => measure === 'psnr');
    const means = suites.map(({ tests }) => tests[0]?.scores[0]?.summaries.psnr?.mean ?? Number.NaN);
    expect(moved?.course.map(({ step, mean }) => [step, mean])).toEqual([
      [4, means[0]],
      [8, means[1]],
    ]);
    expect(moved?.change?.mean).toBeCloseTo((means[1] ?? 0) - (means[0] ?? 0), 9);
  });

  test('is not due before 1000 steps unless a config says so, and never with every 0', async () => {
    const quiet = await train(undefined);
    expect(quiet.chunks.flatMap(({ artifacts }) => Object.keys(artifacts))).not.toContain('suite');
    lab = createTrainingLab();
    const off = await train({ every: 0 });
    expect(off.chunks.flatMap(({ artifacts }) => Object.keys(artifacts))).not.toContain('suite');
    // Neither changes a bit of the weights.
    lab = createTrainingLab();
    const watched = await train({ every: 4, pictures: 1, tests: ['text'] });
    expect([off.checkpoint, watched.checkpoint]).toEqual([quiet.checkpoint, quiet.checkpoint]);
  });

  test('a branch is validated at the next multiple, as its parent would be', async () => {
    await train({ every: 12, pictures: 1, tests: ['text'] }, { target: 128 });
    await branchExperiment(lab, 'toy', { name: 'branch', from: 16, config: {}, target: 192 });
    await lab.executor.callEffect('train', { experiment: 'branch' });
    const { chunks } = (await readHead(lab.store, 'branch')).value;
    expect(chunks.flatMap(({ to, artifacts }) => (artifacts.suite ? [to] : []))).toEqual([24]);
  });

  test('passes over all tests of a dataset without held-out pictures, and the training goes on', async () => {
    const { chunks, state } = await train({ every: 8 }, { heldOut: 0 });
    expect(state).toBe('done');
    const suite = await readSuite(lab.blobs, chunks[1]?.artifacts.suite as Digest);
    expect(new Set(suite.tests.map(({ skipped }) => skipped))).toEqual(
      new Set(['the dataset has no held-out pictures', 'the model was trained without pose']),
    );
  });
});

describe('validate', () => {
  test('at the step where a branch begins keeps its results with the experiment that made the checkpoint', async () => {
    await train({ every: 0 }, { target: 128 });
    await branchExperiment(lab, 'toy', { name: 'branch', from: 16, config: {}, target: 192 });
    const body = { checkpoint: 'branch@16', count: 1, tests: ['text'] };
    const answer = await lab.executor.callEffect('validate', body);
    const folder = 'experiments/toy/validation/step0000016/';
    expect(answer).toMatchObject({ experiment: 'branch', folder });
    const { chunks } = (await readHead(lab.store, 'toy')).value;
    expect(chunks.at(-1)?.artifacts.suite).toBe((answer as { document: string }).document);
  });

  test('runs tests on raw and averaged weights of a kept checkpoint, and a second call draws nothing', async () => {
    await train({ every: 0 });
    const body = { checkpoint: 'toy@latest', count: 2, tests: ['cfg', 'pose', 'unconditional'] };
    const answer = (await lab.executor.callEffect('validate', body)) as { folder: string; tests: object[] };
    expect(answer.folder).toBe('experiments/toy/validation/step0000008/');
    expect(answer.tests).toHaveLength(6);
    const [chunk] = (await readHead(lab.store, 'toy')).value.chunks.slice(-1);
    const suite = await readSuite(lab.blobs, chunk?.artifacts.suite as Digest);
    expect(new Set(suite.tests.map(({ weights }) => weights))).toEqual(new Set(['ema', 'raw']));
    const drawn = lab.runner.computed.length;
    expect(await lab.executor.callEffect('validate', body)).toEqual(answer);
    expect(lab.runner.computed).toHaveLength(drawn);
    const more = { ...body, tests: ['unconditional', 'text'], weights: ['ema'] };
    expect(await lab.executor.callEffect('validate', more)).toMatchObject({ tests: [{}, {}] });
    const now = (await readHead(lab.store, 'toy')).value.chunks.at(-1)?.artifacts.suite as Digest;
    const shown = (await readSuite(lab.blobs, now)).tests.map(({ test: name, weights }) => `${name} ${weights}`);
    expect(shown.sort()).toEqual([
      'cfg ema',
      'cfg raw',
      'pose ema',
      'pose raw',
      'text ema',
      'unconditional ema',
      'unconditional raw',
    ]);
    const names = await listKeys(lab.store, 'experiments/toy/validation/step0000008/');
    expect(names.filter(name => name.endsWith('cfg-raw.png'))).toHaveLength(1);
  });

  test('draws from the vector of the whole picture alone, and from those of the patches alone', async () => {
    await train({ every: 0 });
    const body = { checkpoint: 'toy', count: 2, tests: ['cls', 'patches', 'pose'], weights: ['ema'] };
    const { tests } = (await lab.executor.callEffect('validate', body)) as unknown as Suite;
    const told = tests.map(({ test: name, skipped, scores }) => [
      name,
      skipped ?? Object.keys(scores[0]?.values ?? {}),
    ]);
    const measures = ['color_distance', 'feature_distance', 'ms_ssim', 'psnr', 'ssim'];
    expect(told).toEqual([
      ['cls', ['cls_distance', ...measures]],
      ['patches', measures],
      ['pose', 'the model was trained without pose'],
    ]);
    const { chunks } = (await readHead(lab.store, 'toy')).value;
    const { series } = await readMetrics(lab.blobs, chunks, 0, 100);
    expect(series['validation/cls_only_cls_distance']?.at(-1)).toEqual(expect.any(Number));
    expect(series['validation/patches_only_psnr']?.at(-1)).toEqual(expect.any(Number));
  });

  test('shows all draws of a call as one progress, which ends at its total', async () => {
    await train({ every: 0 });
    const events: { phase: string; done?: number | undefined; total?: number | undefined }[] = [];
    const onEvent = (event: (typeof events)[number]) => void events.push(event);
    const body = { checkpoint: 'toy@latest', count: 2, tests: ['reconstruction', 'pose', 'text'], weights: ['ema'] };
    await lab.executor.callEffect('validate', body, { onEvent });
    const draws = events.filter(({ phase }) => phase === 'draw');
    // Two draws of each test; there is no pose.
    expect(new Set(draws.map(({ total }) => total))).toEqual(new Set([8]));
    const done = draws.map(each => each.done ?? 0);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.at(-1)).toBe(8);
  });

  test('counts the pictures that the dataset holds out where a call asks for more', async () => {
    await train({ every: 0 });
    const totals = new Set<number | undefined>();
    const onEvent = ({ phase, total }: { phase: string; total?: number | undefined }) =>
      void (phase === 'draw' && totals.add(total));
    const body = { checkpoint: 'toy', count: 64, tests: ['text'], weights: ['ema'] };
    await lab.executor.callEffect('validate', body, { onEvent });
    expect([...totals]).toEqual([8]);
  });

  test('a call with other settings leaves no file of an earlier one; two at once lose no test', async () => {
    await train({ every: 0 });
    const call = (body: object) =>
      lab.executor.callEffect('validate', { checkpoint: 'toy', weights: ['ema'], ...body });
    const shown = async () => {
      const files = await listKeys(lab.store, 'experiments/toy/validation/step0000008/');
      await rebuildView(viewOf(lab, 'toy'));
      expect(await listKeys(lab.store, 'experiments/toy/validation/step0000008/')).toEqual(files);
      return files;
    };
    await call({ count: 3, tests: ['text'] });
    expect((await shown()).filter(file => file.includes('/text-ema/'))).toHaveLength(3);
    await Promise.all([call({ count: 1, tests: ['text'] }), call({ count: 1, tests: ['unconditional'] })]);
    expect((await shown()).filter(file => /-ema\.png$/.test(file))).toHaveLength(2);
    expect((await shown()).filter(file => file.includes('/text-ema/'))).toHaveLength(1);
  });

  test('a call stands beside the validation of the training, with which it shares its settings', async () => {
    await train({ every: 8, pictures: 2, tests: ['text'] });
    const before = (await readHead(lab.store, 'toy')).value.chunks.at(-1)?.artifacts.suite as Digest;
    await lab.executor.callEffect('validate', { checkpoint: 'toy', count: 2, tests: ['cfg'], weights: ['ema'] });
    const now = (await readHead(lab.store, 'toy')).value.chunks.at(-1)?.artifacts.suite as Digest;
    const suites = await Promise.all([before, now].map(digest => readSuite(lab.blobs, digest)));
    expect(suites.map(({ tests }) => tests.map(({ test: name }) => name))).toEqual([['text'], ['cfg', 'text']]);
  });

  test('draws another dataset, of which the experiment keeps nothing', async () => {
    await train({ every: 0 });
    const dataset = await putCaptioned(1);
    const body = { checkpoint: 'toy', dataset, count: 2, tests: ['reconstruction', 'swap'], weights: ['ema', 'ema'] };
    const answer = (await lab.executor.callEffect('validate', body)) as Record<string, Digest> & Pick<Suite, 'tests'>;
    expect([answer.dataset, answer.folder]).toEqual([dataset, undefined]);
    expect(answer.tests.map(({ test: name, skipped }) => [name, skipped])).toEqual([
      ['reconstruction', undefined],
      ['swap', 'no other picture of its size has a look'],
    ]);
    const suite = await readSuite(lab.blobs, answer.document as Digest);
    // One picture alone is no other one.
    expect(suite.controls.map(({ score }) => score)).toEqual(CONTROL_NAMES.filter(name => name !== 'random'));
    expect((await readHead(lab.store, 'toy')).value.chunks.at(-1)?.artifacts.suite).toBeUndefined();
  });

  test('shows long captions of any characters, and takes the largest seed', async () => {
    await train({ every: 0 }, { caption: `${'x'.repeat(299)}😀 long` });
    const body = { checkpoint: 'toy', count: 1, seed: String(2n ** 64n - 1n), tests: ['reconstruction'] };
    const { tests } = (await lab.executor.callEffect('validate', body)) as unknown as Suite;
    expect(tests.map(({ skipped, scores }) => [skipped, scores.length])).toEqual(Array(2).fill([undefined, 2]));
  });

  test('refuses what it cannot mean', async () => {
    await train({ every: 0 });
    const none = { checkpoint: 'toy', tests: ['pose', 'pose_text'] };
    await expect(lab.executor.callEffect('validate', none)).rejects.toThrow(
      'none of the tests can be made: pose, pose_text: the model was trained without pose',
    );
    await expect(lab.executor.callEffect('validate', { ...none, tests: ['drift'] })).rejects.toThrow('drift follows');
    await expect(lab.executor.callEffect('validate', { checkpoint: 'toy@7' })).rejects.toThrow('keeps no checkpoint');
    await expect(lab.executor.callEffect('validate', { checkpoint: 'toy', tests: ['lpips'] })).rejects.toThrow('tests');
    await expect(lab.executor.callEffect('validate', { checkpoint: 'toy', extractor: 'dct' })).rejects.toThrow(
      'the training saw dct',
    );
  });
});
