/** @file The poses of persons in a table of quality, by a network that knows the pictures of the dataset. */
import { beforeEach, expect, test } from 'vitest';
import type { Evaluation } from '../configs/evaluation.ts';
import { poseScoresSchema } from '../configs/pose-scores.ts';
import type { EncodeJob } from '../gpu-runner/protocol.ts';
import { readDataset, readDocument } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { installPose, type PoseWeights, putPosed, putPoseWeights } from './testing/known-poses.ts';
import { ASKED_ENGINE, createTrainingLab, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const BODY = { checkpoint: 'toy', samples: 2, steps: 2, conditions: ['text'] };

let lab: TrainingLab;
let jobs: EncodeJob[];
let weights: PoseWeights;

beforeEach(async () => {
  lab = createTrainingLab();
  jobs = [];
  weights = await putPoseWeights(lab);
});

/** An experiment whose dataset has poses. */
async function train(encoders: object = {}): Promise<Digest> {
  const dataset = await putPosed(lab, encoders, jobs);
  await createExperiment(lab, 'toy', { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 8 });
  return dataset;
}

const install = () => installPose(lab, weights);
const evaluate = (more: object = {}) =>
  lab.executor.callEffect('evaluate', { ...BODY, ...more }) as unknown as Promise<Evaluation>;
const whyNot = ({ missing }: Evaluation) => missing.find(({ column }) => column === 'pose')?.why;

test('an installed DWPose scores drawn pictures and control rows against the poses of the dataset', async () => {
  await train();
  await install();
  const table = await evaluate();
  expect([table.pose, whyNot(table)]).toEqual(['dwpose', undefined]);
  const of = (name: string) => table.rows.find(({ row }) => row === name)?.pose;
  const part = { joints: 8, pck_10: 1, pck_05: 1 };
  expect(of('real')).toMatchObject({ pictures: 2, pck_10: 1, pck_05: 1, found: 1, detected: 1, parts: { body: part } });
  expect(of('real')).toMatchObject({ oks: { mean: 1 }, mpjpe: 0, oks_precision: 1 });
  // The left side is where it should be, the right side is that of another person.
  expect(of('random')).toMatchObject({ pck_05: 0.5, found: 1 });
  for (const name of ['drawn', 'untrained', 'noise']) {
    expect(of(name), name).toMatchObject({ pictures: 2, pck_10: 0, detected: 0, oks: { mean: 0 } });
  }
  expect(jobs[0]).toMatchObject({ encoder: 'dwpose', options: { joint_score: 0.3, person_score: 0.3 }, weights });
});

test('poses are found as those of the dataset were, in no more pictures than asked for', async () => {
  const own = { detector: weights.pose, pose: weights.detector };
  await train({ pose: { name: 'dwpose', joints: 133, joint_score: 0.4, person_score: 0.2, weights: own } });
  const table = await evaluate({ pose_samples: 1 });
  expect(table.rows.map(({ pose }) => pose?.pictures)).toEqual(table.rows.map(() => 1));
  expect(jobs[0]).toMatchObject({ options: { joint_score: 0.4, person_score: 0.2 }, weights: own });
});

test('a table without poses says why', async () => {
  await train();
  expect(whyNot(await evaluate())).toBe(
    'the weights of dwpose are not installed; install them: easel models install dwpose',
  );
  await install();
  expect(whyNot(await evaluate({ pose_samples: 0 }))).toBe('pose_samples is 0');
  expect(jobs).toEqual([]);
});

test('score-poses looks at the pictures of which the dataset has a pose', async () => {
  const dataset = await train();
  const { pages } = await readDataset(lab.blobs, dataset);
  const { micro_batch: _, ...engine } = ASKED_ENGINE;
  const body = { dataset, pictures: pages[0]?.columns.image ?? dataset, weights, engine };
  const { result } = await lab.executor.call('score-poses', { ...body, most: 3 });
  const scores = result.outputs.scores?.digest ?? dataset;
  const { items } = await readDocument(lab.blobs, scores, poseScoresSchema, 'scores of poses');
  expect(items.map(({ right_05, joints }) => [right_05, joints])).toEqual(Array(3).fill([4, 4]));
  await expect(lab.executor.call('score-poses', { ...body, weights: {} })).rejects.toThrow('needs its weights');
});
