/** @file The poses of persons in a table of quality, by a network that knows the pictures of the dataset. */
import { beforeEach, expect, test } from 'vitest';
import { WHOLEBODY_JOINTS } from '../configs/coco-wholebody.ts';
import type { Evaluation } from '../configs/evaluation.ts';
import { poseScoresSchema } from '../configs/pose-scores.ts';
import { memberName } from '../configs/signals.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import type { EncodeJob } from '../gpu-runner/protocol.ts';
import { encodeSignalMember } from '../storage/blobs/column-member.ts';
import { putDocument, readDataset, readDocument } from '../storage/blobs/document-blobs.ts';
import { type Digest, digestOf } from '../storage/digest.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { putModel } from './operations/put-model.ts';
import { ASKED_ENGINE, createTrainingLab, putToyDataset, TOY_CONFIG, type TrainingLab } from './testing/training.ts';

const BODY = { checkpoint: 'toy', samples: 2, steps: 2, conditions: ['text'] };
const JOINTS = ['left_shoulder', 'right_shoulder', 'left_hip', 'right_hip'];

let lab: TrainingLab;
let jobs: EncodeJob[];
let weights: Record<'detector' | 'pose', Digest[]>;

beforeEach(async () => {
  lab = createTrainingLab();
  jobs = [];
  const put = async (text: string) => [(await lab.blobs.put(Buffer.from(text), 'x/y')).digest];
  weights = { detector: await put('detector'), pose: await put('pose') };
});

/** The pose of the picture at a place of the dataset: a body whose right side is elsewhere in each. */
function poseOf(place: number): Float32Array {
  const pose = new Float32Array(3 * WHOLEBODY_JOINTS.length);
  for (const [i, name] of JOINTS.entries()) {
    const x = i % 2 === 0 ? -0.8 : 0.2 * place - 0.4;
    pose.set([x, i < 2 ? -0.5 : 0.5, 0.9], 3 * WHOLEBODY_JOINTS.indexOf(name));
  }
  return pose;
}

const member = (id: string, data: Float32Array) =>
  encodeSignalMember('pose', id, { shape: [WHOLEBODY_JOINTS.length, 3], data });

/** An experiment whose dataset has poses, and a network that finds them in its pictures, and nobody in others. */
async function train(encoders: object = {}): Promise<Digest> {
  const { blobs } = lab;
  const toy = await readDataset(blobs, await putToyDataset(blobs, { count: 6, heldOut: 2 }));
  const [page] = toy.pages;
  if (page === undefined) throw new Error('no page');
  const pictures = [...readColumn(await blobs.get(page.columns.image ?? digestOf('none')))];
  const ids = pictures.map(([name]) => name.slice(0, -memberName('image', '').length));
  const poses = packColumn(new Map(ids.map((id, i) => member(id, poseOf(i)))));
  const columns = { ...page.columns, pose: (await blobs.put(poses, 'application/x-tar')).digest };
  const document = { ...toy, pages: [{ ...page, columns }], encoders: { ...toy.encoders, ...encoders } };
  const { digest } = await putDocument(blobs, { ...document, links: [...toy.links, columns.pose] });
  await createExperiment(lab, 'toy', { config: TOY_CONFIG, dataset: digest, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 8 });
  const places = new Map(pictures.map(([, body], i) => [digestOf(body), i]));
  const { run } = lab.runner;
  lab.runner.run = async (action, job, options) => {
    if (job.kind !== 'encode') return run(action, job, options);
    jobs.push(job);
    const found = [...readColumn(await blobs.get(job.column))].map(([name, body]) => {
      const place = places.get(digestOf(body));
      const pose = place === undefined ? new Float32Array(3 * WHOLEBODY_JOINTS.length) : poseOf(place);
      return member(name.slice(0, -memberName('image', '').length), pose);
    });
    return { outputs: { pose: await blobs.put(packColumn(new Map(found))) }, links: [], stats: {} };
  };
  return digest;
}

const install = () =>
  putModel(lab, 'dwpose', { v: 1, weights, source: 'a test', license: { name: 'Apache-2.0', read_in: 'a letter' } });
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
