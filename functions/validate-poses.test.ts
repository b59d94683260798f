/** @file Joints in the validation suite of pictures that are no figures, by a network that knows their poses. */
import { beforeEach, expect, test } from 'vitest';
import type { Suite } from '../configs/validation-suite.ts';
import type { EncodeJob } from '../gpu-runner/protocol.ts';
import type { Digest } from '../storage/digest.ts';
import { readEvidence } from './comparison/evidence.ts';
import { readHead } from './experiments/experiment-head.ts';
import { readSuite } from './experiments/suite/run-suite.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { installPose, type PoseWeights, putPosed, putPoseWeights } from './testing/known-poses.ts';
import { ASKED_ENGINE, createTrainingLab, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

let lab: TrainingLab;
let jobs: EncodeJob[];
let weights: PoseWeights;

beforeEach(async () => {
  lab = createTrainingLab();
  jobs = [];
  weights = await putPoseWeights(lab);
});

async function train(encoders: object = {}, validate: object = { every: 0 }): Promise<void> {
  const dataset = await putPosed(lab, encoders, jobs);
  const run = { ...TOY_CONFIG.run, preview: { prompts: [], steps: 2 }, validate };
  await createExperiment(lab, 'toy', { config: { ...TOY_CONFIG, run }, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 32 });
}

const validate = (tests: readonly string[], more: object = {}) =>
  lab.executor.callEffect('validate', {
    ...{ checkpoint: 'toy', count: 2, tests: [...tests], weights: ['ema'], steps: 2, ...more },
  }) as unknown as Promise<Suite & { readonly document: Digest }>;
const firstScore = ({ tests }: Suite, test: string) => tests.find(each => each.test === test)?.scores[0];

test('an installed DWPose looks for given poses in drawn pictures, and for those of the dataset in control rows', async () => {
  await train();
  await installPose(lab, weights);
  const suite = await validate(['reconstruction', 'text', 'pose', 'pose_text']);
  for (const name of ['reconstruction', 'pose', 'pose_text']) {
    const { values, joints_by } = firstScore(suite, name) ?? {};
    // Nobody is found in them.
    expect([values?.pck, values?.pck_05, values?.oks, joints_by], name).toEqual([[0, 0], [0, 0], [0, 0], 'dwpose']);
  }
  const scores = suite.tests.flatMap(({ scores: all }) => all);
  expect(scores.filter(({ values }) => 'pck' in values).map(({ score }) => score)).toEqual([
    ...['full', 'pose', 'pose_text'],
  ]);
  const control = (name: string) => suite.controls.find(({ score }) => score === name);
  expect(control('real')?.summaries).toMatchObject({ pck: { n: 2, mean: 1 }, oks: { mean: 1, low: 1, high: 1 } });
  // The left side is where it should be, the right side is that of another person.
  expect(control('random')?.summaries).toMatchObject({ pck: { mean: 0.5 }, pck_05: { mean: 0.5 } });
  expect(control('noise')).toMatchObject({ joints_by: 'dwpose', summaries: { pck: { mean: 0 }, oks: { mean: 0 } } });
  expect(jobs[0]).toMatchObject({ encoder: 'dwpose', options: { joint_score: 0.3, person_score: 0.3 }, weights });

  const found = await readEvidence(lab.blobs, { suite: suite.document });
  const pose = found.filter(({ key }) => key.startsWith('pose/'));
  expect(pose.map(({ key }) => key)).toEqual(['pose/pck', 'pose/pck_05', 'pose/oks', 'pose/feature_distance']);
  expect(pose[0]?.label).toMatch(/PCK@\.1\) \(dwpose\)$/);
  expect(pose[2]?.controls).toContainEqual({ name: 'real', value: 1 });
});

test('poses are found as those of the dataset were, in no more pictures than asked for', async () => {
  const own = { detector: weights.pose, pose: weights.detector };
  await train({ pose: { name: 'dwpose', joints: 133, joint_score: 0.4, person_score: 0.2, weights: own } });
  const suite = await validate(['pose'], { pose_samples: 1 });
  const { values, summaries } = firstScore(suite, 'pose') ?? {};
  expect([values?.pck, summaries?.oks?.n, summaries?.psnr?.n]).toEqual([[0, null], 1, 2]);
  expect(suite.controls.map(row => row.summaries.pck?.n)).toEqual(suite.controls.map(() => 1));
  expect(jobs[0]).toMatchObject({ options: { joint_score: 0.4, person_score: 0.2 }, weights: own });
});

test('a training looks for no network, and a validation without joints says why', async () => {
  await train({}, { every: 4, tests: ['pose'], pictures: 2 });
  const { chunks } = (await readHead(lab.store, 'toy')).value;
  const own = await readSuite(lab.blobs, chunks[0]?.artifacts.suite as Digest);
  const alone = 'joints are read from the pixels of bundled figures alone';
  expect(firstScore(own, 'pose')?.without).toEqual({ pck: alone });
  expect(firstScore(await validate(['pose']), 'pose')?.without).toEqual({
    pck: `${alone}: the weights of dwpose are not installed; install them: easel models install dwpose`,
  });
  await installPose(lab, weights);
  const none = firstScore(await validate(['pose'], { pose_samples: 0 }), 'pose');
  expect([none?.without, none?.values.pck]).toEqual([{ pck: `${alone}: pose_samples is 0` }, undefined]);
  expect(jobs).toEqual([]);
});
