/** @file Poses in the validation suite: joints of bundled figures, read from pixels, between those of control rows. */
import { beforeAll, expect, test } from 'vitest';
import type { Suite, SuiteScore } from '../../../configs/validation-suite.ts';
import type { Digest } from '../../../storage/digest.ts';
import { readEvidence } from '../../comparison/evidence.ts';
import { createExperiment } from '../../operations/create-experiment.ts';
import { drawHeldOutPictures } from '../../testing/draw-held-out-pictures.ts';
import { holdOut } from '../../testing/hold-out.ts';
import { copyPrepared, createPictureLab } from '../../testing/pictures.ts';
import { ASKED_ENGINE, createTrainingLab, TOY_CONFIG, type TrainingLab } from '../../testing/training.ts';

const HELD_OUT = 12;
const TESTS = ['reconstruction', 'text', 'pose', 'pose_text'];

let lab: TrainingLab;
let suite: Suite & { readonly document: Digest };

/** Bundled figures, of which the last ones of the page are held out. */
async function putFigures(): Promise<Digest> {
  const body = { dataset: 'figures', source: 'figures', count: 64, size: 64 };
  const store = await copyPrepared(body);
  const { digest } = (await createPictureLab({ store }).executor.callEffect('prepare', body)) as { digest: Digest };
  lab = createTrainingLab(store);
  return holdOut(lab.blobs, digest, HELD_OUT);
}

beforeAll(async () => {
  const dataset = await putFigures();
  const run = { ...TOY_CONFIG.run, preview: { prompts: [], steps: 2 } };
  await createExperiment(lab, 'toy', { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 32 });
  await drawHeldOutPictures(lab, dataset);
  const body = { checkpoint: 'toy', count: HELD_OUT, tests: TESTS, weights: ['ema'], steps: 2 };
  suite = (await lab.executor.callEffect('validate', body)) as unknown as typeof suite;
});

const scoreOf = (name: string) =>
  suite.tests.find(({ test: each }) => each === name)?.scores.find(({ against }) => against === 'own');
const control = (name: string) => suite.controls.find(({ score }) => score === name);
const meanOf = (score: SuiteScore | undefined, measure: keyof SuiteScore['summaries']) =>
  score?.summaries[measure]?.mean ?? Number.NaN;

test('pictures whose pose was given tell the share of right joints; those of a caption alone do not', () => {
  for (const name of ['pose', 'pose_text', 'reconstruction']) {
    const scored = scoreOf(name);
    expect(scored?.values.pck, name).toHaveLength(HELD_OUT);
    expect(meanOf(scored, 'pck'), name).toBe(meanOf(control('real'), 'pck'));
  }
  expect(scoreOf('text')?.values).toHaveProperty('psnr');
  expect(scoreOf('text')?.values).not.toHaveProperty('pck');
});

test('control rows are ordered: noise, random, nearest, blur, real, each nearer to the real pictures', () => {
  const rising = ['noise', 'random', 'nearest', 'blur', 'real'].map(control);
  for (const measure of ['psnr', 'ms_ssim'] as const) {
    const values = rising.map(row => meanOf(row, measure));
    expect(values, measure).toEqual([...values].sort((a, b) => a - b));
  }
  const distances = rising.slice(1).map(row => meanOf(row, 'feature_distance'));
  expect(distances).toEqual([...distances].sort((a, b) => b - a));
  expect(distances.at(-1)).toBeCloseTo(0, 9);
});

test('joints are ordered: noise, random, nearest, blur, half the size, real', () => {
  for (const measure of ['pck', 'pck_05'] as const) {
    const rising = ['noise', 'random', 'nearest', 'blur', 'down_up', 'real'].map(name =>
      meanOf(control(name), measure),
    );
    for (const [i, value] of rising.entries()) expect(value, `${measure} ${i}`).toBeGreaterThan(rising[i - 1] ?? -1);
    expect(rising.at(-1)).toBeGreaterThan(0.95);
  }
});

test('reports compare the joints of each picture, beside control rows', async () => {
  const found = await readEvidence(lab.blobs, { suite: suite.document });
  const pose = found.filter(({ key }) => key.startsWith('pose/'));
  expect(pose.map(({ key }) => key)).toEqual(['pose/pck', 'pose/pck_05', 'pose/feature_distance']);
  const [pck] = pose;
  expect([pck?.better, pck?.measured.byPicture?.size]).toEqual(['higher', HELD_OUT]);
  expect(pck?.controls.map(({ name }) => name)).toEqual([
    ...['real', 'down up', 'blur', 'nearest', 'random', 'mean', 'noise'],
  ]);
});
