/** The whole way from pictures to poses, with tiny networks of random weights (gpu-runner/encoders/dwpose/testdata). */
import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { memberName } from '../configs/signals.ts';
import { decodeNpy } from '../formats/npy.ts';
import { readColumn } from '../formats/webdataset.ts';
import { createReferenceEngine } from '../gpu-runner/engines/reference/engine.ts';
import { createEncodeJob } from '../gpu-runner/jobs/encode.ts';
import type { EncodeJob } from '../gpu-runner/protocol.ts';
import { createBlobStore } from '../storage/blobs/cas.ts';
import type { Digest } from '../storage/digest.ts';
import { createMemoryStore } from '../storage/drivers/memory.ts';
import { createRefs } from '../storage/names/refs.ts';
import { offeredConditions } from './experiments/dataset-signals.ts';
import { putModel } from './operations/put-model.ts';
import { decodeRgb } from './pictures/image.ts';
import { createEncodeRunner } from './testing/encode-runner.ts';
import { createPictureLab, outputOf, type PictureLab } from './testing/pictures.ts';

const CALL = { dataset: 'p', source: 'portraits', size: 32, seed: 5, count: 4 } as const;
const ENGINE = { name: 'reference', precision: 'f32', threads: 1 } as const;

const store = createMemoryStore();
const blobs = createBlobStore(store);
const jobs: EncodeJob[] = [];
const encode = createEncodeJob();
const ctx = {
  blobs,
  engine: async () => createReferenceEngine(),
  openSource: () => Promise.reject(new Error('an encoder reads no training data')),
  progress: () => {},
  breathe: async () => 'continue' as const,
};
const runner = createEncodeRunner(job => {
  jobs.push(job);
  return encode(ctx, job);
}, ENGINE);
let lab: PictureLab;
let weights: Record<'detector' | 'pose', Digest[]>;
const prepare = (more: object = {}) =>
  lab.executor.callEffect('prepare', { ...CALL, image_encoders: ['dct', 'dwpose'], engine: 'reference', ...more });

beforeAll(async () => {
  lab = createPictureLab({ store, runner });
  const put = async (name: string) => {
    const file = readFileSync(new URL(`../gpu-runner/encoders/dwpose/testdata/${name}.onnx`, import.meta.url));
    return [(await blobs.put(file)).digest];
  };
  weights = { detector: await put('detector'), pose: await put('pose') };
});

async function posesOf(dataset: Digest) {
  const { pages } = await lab.dataset(dataset);
  const column = readColumn(await blobs.get(pages[0]?.columns.pose as Digest));
  const items = await lab.items(dataset);
  return items.map(({ id }) => decodeNpy(column.get(memberName('pose', id)) ?? new Uint8Array()));
}

test('prepare without the two networks says how to store them', async () => {
  await expect(prepare()).rejects.toMatchObject({
    status: 422,
    message: 'the encoder dwpose needs weights, which are not installed',
    hint: expect.stringMatching(/models install dwpose|PUT \/models\/dwpose/),
  });
  expect(jobs).toEqual([]);
});

test('prepare finds poses beside the features of another encoder, and notes persons', async () => {
  const license = { name: 'Apache-2.0', read_in: 'a letter' };
  await putModel({ store, blobs }, 'dwpose', { v: 1, weights, source: 'a friend', license });
  const answer = await prepare();
  expect(jobs.at(-1)).toMatchObject({
    encoder: 'dwpose',
    reads: 'image',
    options: { joint_score: 0.3, person_score: 0.3 },
    weights,
    engine: ENGINE,
  });
  const made = { name: 'dwpose', joints: 133, joint_score: 0.3, person_score: 0.3, weights };
  expect(answer).toMatchObject({ encoders: { cls: { name: 'dct' }, pose: made } });
  const dataset = (await createRefs(store).datasets.read('p'))?.value.dataset as Digest;
  const poses = await posesOf(dataset);
  expect(poses.map(({ dtype, shape }) => [dtype, shape])).toEqual(poses.map(() => ['f32', [133, 3]]));
  for (const { data } of poses) {
    expect(Math.max(...data.map(Math.abs))).toBeLessThanOrEqual(1);
    for (let joint = 0; joint < 133; joint++) {
      const [x, y, confidence = 0] = data.subarray(joint * 3, joint * 3 + 3);
      if (confidence === 0) expect([x, y]).toEqual([0, 0]);
      else expect(confidence).toBeGreaterThanOrEqual(0.3);
    }
  }
  const { notes } = await lab.dataset(dataset);
  const counted = (code: string) => notes?.find(note => note.code === code)?.count ?? 0;
  expect(counted('pose_missing')).toBe(poses.filter(({ data }) => data.every(x => x === 0)).length);
  expect(counted('pose_several') + counted('pose_missing')).toBeGreaterThan(0);
  // A model that is trained on it knows by which networks a picture's pose is found.
  expect(offeredConditions(await lab.dataset(dataset)).pose).toEqual({
    ...{ joints: 133, threshold: 0.05, encoder: 'dwpose', joint_score: 0.3, person_score: 0.3, weights },
  });
});

test('the view has a sheet of the poses of each page', async () => {
  const sheet = await store.get('datasets/p/pages/0000/poses.jpg');
  const { data, width, height } = await decodeRgb(Buffer.from(sheet?.body ?? new Uint8Array()));
  expect([width, height]).toEqual([4 * 260 + 4, 264]);
  // The colour of the right side of the body, which no portrait has, within what JPEG changes.
  const blue = Array.from({ length: width * height }, (_, i) => data.subarray(3 * i, 3 * i + 3)).filter(
    ([r = 0, g = 0, b = 0]) => Math.abs(r - 86) + Math.abs(g - 180) + Math.abs(b - 233) < 40,
  );
  expect(blue.length).toBeGreaterThan(50);
  expect(Buffer.from((await store.get('datasets/p/README.md'))?.body ?? '').toString()).toContain('poses.jpg');
});

test('detect-pose takes how sure joints and persons must be, and notes pictures without a person', async () => {
  const { dataset } = (await createRefs(store).datasets.read('p'))?.value ?? {};
  const call = (more: object) => lab.executor.call('detect-pose', { dataset, engine: ENGINE, weights, ...more });
  const none = await call({ person_score: 1 });
  const found = await lab.dataset(outputOf(none));
  expect(found.notes).toContainEqual({
    code: 'pose_missing',
    count: 4,
    text: '4 pictures have no person that is found, and are trained without pose',
    examples: expect.arrayContaining([{ name: expect.any(String), text: 'no person' }]),
  });
  expect((await posesOf(outputOf(none))).every(({ data }) => data.every(x => x === 0))).toBe(true);
  expect(none.result.action).toMatchObject({ params: { encoder: 'dwpose', joint_score: 0.3, person_score: 1 } });
  await expect(call({ joint_score: 2 })).rejects.toThrow('/joint_score');
  await expect(call({ stride: 8 })).rejects.toThrow('/stride');
  await expect(lab.executor.call('detect-pose', { dataset, engine: ENGINE })).rejects.toThrow(
    'the encoder dwpose needs its weights "detector"',
  );
});
