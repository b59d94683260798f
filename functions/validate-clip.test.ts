/** @file CLIPScore in the validation suite, by a CLIP that knows the pictures and captions of the dataset. */
import { beforeEach, expect, test } from 'vitest';
import type { Suite } from '../configs/validation-suite.ts';
import type { Digest } from '../storage/digest.ts';
import { readEvidence } from './comparison/evidence.ts';
import { readHead } from './experiments/experiment-head.ts';
import { readSuite } from './experiments/suite/run-suite.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { embedOnAxes, installClip, letterOf, putCaptioned } from './testing/axis-clip.ts';
import { ASKED_ENGINE, createTrainingLab, TOY_CONFIG, type TrainingLab } from './testing/training.ts';
import { readMetrics } from './views/metrics.ts';

const COUNT = 6;
const HELD_OUT = 3;
/** The fit of a picture between all axes. */
const BETWEEN = expect.closeTo(2.5 / Math.sqrt(COUNT), 9);

let lab: TrainingLab;
/** Texts that the tower of texts has read. */
let read: string[];

beforeEach(async () => {
  lab = createTrainingLab();
  read = [];
});

/** A trained experiment. The last held-out picture has an empty caption. */
async function train(validate: object = { every: 0 }): Promise<void> {
  const captionOf = (i: number) => (i === COUNT - 1 ? '' : `a long hat of the kind ${letterOf(i)}`);
  const dataset = await putCaptioned(lab, { count: COUNT, heldOut: HELD_OUT }, captionOf);
  await embedOnAxes(lab, dataset, COUNT, read);
  const run = { ...TOY_CONFIG.run, preview: { prompts: [], steps: 2 }, validate };
  await createExperiment(lab, 'toy', { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 64 });
}

const validate = (tests: readonly string[]) =>
  lab.executor.callEffect('validate', {
    ...{ checkpoint: 'toy', count: HELD_OUT, tests: [...tests], weights: ['ema'], steps: 2 },
  }) as unknown as Promise<Suite & { readonly document: Digest }>;
const scoreOf = ({ tests }: Suite, test: string, score: string) =>
  tests.find(each => each.test === test)?.scores.find(each => each.score === score);

test('an installed CLIP compares drawn pictures and control rows with their captions', async () => {
  await train();
  await installClip(lab, ['model', 'tokenizer']);
  const suite = await validate(['reconstruction', 'text', 'edit', 'swap', 'unconditional']);
  expect(suite.clip).toBe('clip-vitb32');
  const full = scoreOf(suite, 'reconstruction', 'full');
  expect(full?.values.clip_score).toEqual([BETWEEN, BETWEEN, null]);
  expect(full?.summaries.clip_score).toMatchObject({ n: 2, mean: BETWEEN, low: BETWEEN, high: BETWEEN });
  expect(scoreOf(suite, 'text', 'text')?.values.clip_score).toEqual([BETWEEN, BETWEEN]);
  for (const score of ['effect', 'effect_text']) {
    expect(scoreOf(suite, 'edit', score)?.summaries.clip_score?.n, score).toBe(2);
  }
  const scores = suite.tests.flatMap(({ scores: all }) => all.map(({ score, values }) => ({ score, values })));
  const fitted = scores.filter(({ values }) => 'clip_score' in values).map(({ score }) => score);
  expect(fitted).toEqual(['full', 'text', 'effect', 'effect_text', 'to_a']);
  expect(new Set(read.filter(text => text.includes('short')))).toEqual(
    new Set(['d', 'e'].map(letter => `a short hat of the kind ${letter}`)),
  );
  const control = (name: string) => suite.controls.find(({ score }) => score === name)?.summaries.clip_score;
  expect(control('real')).toMatchObject({ n: 2, mean: 2.5 });
  expect([control('random')?.mean, control('noise')?.mean]).toEqual([0, BETWEEN]);

  const { chunks } = (await readHead(lab.store, 'toy')).value;
  const { series } = await readMetrics(lab.blobs, chunks, 0, 100);
  const tags = ['reconstruction', 'text_only', 'text_manip'].map(tag => `validation/${tag}_clip_score`);
  for (const tag of tags) expect(series[tag]?.at(-1), tag).toEqual(BETWEEN);
  const found = await readEvidence(lab.blobs, { suite: suite.document });
  const fit = found.find(({ key }) => key === 'text/clip_score');
  expect([fit?.label, fit?.better]).toEqual([
    'held-out pictures from captions alone: fit of picture and caption (CLIPScore) (clip-vitb32)',
    'higher',
  ]);
  expect(fit?.controls).toContainEqual({ name: 'real', value: 2.5 });
});

test('CLIP tells how well pictures of each guidance fit the caption, and those of a swap the caption of A', async () => {
  await train();
  await installClip(lab, ['model', 'tokenizer']);
  const suite = await validate(['cfg', 'swap']);
  for (const score of ['guidance_0', 'guidance_default', 'guidance_high', 'plain_to_own']) {
    expect(scoreOf(suite, 'cfg', score)?.summaries.clip_score, score).toMatchObject({ n: 2, mean: BETWEEN });
  }
  expect(scoreOf(suite, 'cfg', 'high_to_own')?.values).not.toHaveProperty('clip_score');
  expect(scoreOf(suite, 'swap', 'to_a')?.summaries.clip_score).toMatchObject({ n: 2, mean: BETWEEN });
  expect(scoreOf(suite, 'swap', 'to_b')?.values).not.toHaveProperty('clip_score');
  const { chunks } = (await readHead(lab.store, 'toy')).value;
  const { series } = await readMetrics(lab.blobs, chunks, 0, 100);
  expect(series['validation/dino_swap_to_text_clip_score']?.at(-1)).toEqual(BETWEEN);
});

test('a training asks no CLIP, nor does a validation without the weights; a later one follows scores beside both', async () => {
  await train({ every: 4, tests: ['text'], pictures: HELD_OUT });
  expect(await validate(['text'])).not.toHaveProperty('clip');
  expect(read).toEqual([]);
  await installClip(lab, ['model', 'tokenizer']);
  const suite = await validate(['text', 'drift']);
  const { chunks } = (await readHead(lab.store, 'toy')).value;
  const [first] = await Promise.all(chunks.map(({ artifacts }) => readSuite(lab.blobs, artifacts.suite as Digest)));
  expect([first?.clip, first?.tests[0]?.scores[0]?.values.clip_score]).toEqual([undefined, undefined]);
  const courses = Object.fromEntries(suite.drift.map(({ measure, course }) => [measure, course.length]));
  expect(courses).toMatchObject({ psnr: 2, clip_score: 1 });
});
