/** @file A stored network in an ONNX file as an extractor: its numbers, and the copies that it finds. */
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Memorization } from '../configs/memorization.ts';
import { memberName } from '../configs/signals.ts';
import type { Suite } from '../configs/validation-suite.ts';
import { decodeNpy, encodeNpy } from '../formats/npy.ts';
import { packColumn, readColumn } from '../formats/webdataset.ts';
import { floats, modelOf, node } from '../gpu-runner/compiler/targets/onnx/testing/model-of.ts';
import { createReferenceEngine } from '../gpu-runner/engines/reference/engine.ts';
import { createEncodeJob } from '../gpu-runner/jobs/encode.ts';
import { readDataset } from '../storage/blobs/document-blobs.ts';
import type { Digest } from '../storage/digest.ts';
import { createRefs } from '../storage/names/refs.ts';
import { readFeatures } from './evaluation/feature-sets.ts';
import { createExperiment } from './operations/create-experiment.ts';
import { putModel } from './operations/put-model.ts';
import { toInterleaved } from './pictures/planar.ts';
import { outputOf } from './testing/pictures.ts';
import {
  ASKED_ENGINE,
  createTrainingLab,
  ENGINE,
  putToyDataset,
  TOY_CONFIG,
  type TrainingLab,
} from './testing/training.ts';

const TRAINED = 8;
const SIDE = 16;
/** The pixels of a picture about their mean level, brought to length 1. */
const PIXELS = modelOf(
  [1, 3, SIDE, SIDE],
  [1, 3 * SIDE * SIDE],
  [node('Flatten', 'x', 'f'), node('LpNormalization', 'f', 'y')],
);
const CONFIG = { mean: [0.5, 0.5, 0.5], deviation: [0.25, 0.25, 0.25] };

let lab: TrainingLab;
let dataset: Digest;

/** The gpu-runner describes pictures, and draws trained pictures with some noise on them, one after the other. */
beforeAll(async () => {
  lab = createTrainingLab();
  dataset = await putToyDataset(lab.blobs, { count: TRAINED + 4, heldOut: 4, side: SIDE });
  await createExperiment(lab, 'toy', { config: TOY_CONFIG, dataset, engine: ASKED_ENGINE });
  await lab.executor.callEffect('train', { experiment: 'toy', target: 32 });
  await installNet('pixels', CONFIG);
  const [page] = (await readDataset(lab.blobs, dataset)).pages;
  const column = readColumn(await lab.blobs.get(page?.columns.image ?? dataset));
  const encode = createEncodeJob();
  const site = {
    blobs: lab.blobs,
    engine: async () => createReferenceEngine(),
    openSource: () => Promise.reject(new Error('no training data is expected')),
    progress: () => {},
    breathe: async () => 'continue' as const,
  };
  const { run } = lab.runner;
  lab.runner.run = async (action, job, options) => {
    if (job.kind === 'encode') return encode(site, job);
    if (job.kind !== 'sample' || job.noise === undefined) return run(action, job, options);
    const data = job.noise.flatMap(place => {
      const member = column.get(memberName('image', (place % TRAINED).toString(16).padStart(16, '0')));
      const { data: planes } = decodeNpy(member ?? new Uint8Array());
      const levels = toInterleaved({ data: planes as Uint8Array, width: SIDE, height: SIDE }).data;
      return addNoise([...levels]);
    });
    const shape = [job.noise.length, SIDE, SIDE, 3];
    const pixels = encodeNpy({ dtype: 'u8', shape, data: Uint8Array.from(data) });
    return { outputs: { pixels: await lab.blobs.put(pixels, 'application/octet-stream') }, links: [], stats: {} };
  };
});

async function installNet(name: string, config: object, model = PIXELS): Promise<Record<string, Digest[]>> {
  const parts = { model, config: Buffer.from(JSON.stringify(config)) };
  const weights: Record<string, Digest[]> = {};
  for (const [part, bytes] of Object.entries(parts)) weights[part] = [(await lab.blobs.put(bytes)).digest];
  const license = { name: 'MIT', read_in: 'a letter' };
  await putModel(lab, name, { v: 1, weights, source: 'a friend', license });
  return weights;
}

const check = (body: object = {}) =>
  lab.executor.callEffect('check-memorization', {
    checkpoint: 'toy',
    samples: 8,
    steps: 2,
    ...body,
  }) as unknown as Promise<Memorization & { readonly verdict: string }>;

test('features of a stored network are its outputs, under its name', async () => {
  const weights = await installNet('pixels', CONFIG);
  const levels = Uint8Array.from({ length: 3 * SIDE * SIDE }, (_, i) => (i * 37) % 256);
  const members = new Map([
    [memberName('image', '0'.repeat(16)), encodeNpy({ dtype: 'u8', shape: [3, SIDE, SIDE], data: levels })],
  ]);
  const pictures = (await lab.blobs.put(packColumn(members), 'application/x-tar')).digest;
  const body = { pictures, extractor: 'pixels', weights, engine: ENGINE };
  const set = await readFeatures(lab.blobs, [outputOf(await lab.executor.call('features', body), 'index')]);
  const raw = Array.from(levels, level => (level / 255 - 0.5) / 0.25);
  const length = Math.hypot(...raw);
  expect([set.extractor, set.dim]).toEqual(['pixels', raw.length]);
  expect(Math.max(...raw.map((x, i) => Math.abs(x / length - (set.data[i] ?? 9))))).toBeLessThan(1e-6);
  await expect(lab.executor.call('features', { ...body, weights: undefined })).rejects.toThrow(
    'there is no feature extractor "pixels"',
  );
});

test('a stored network judges in the place of a built-in extractor when it is asked for', async () => {
  const found = await check({ extractor: 'pixels' });
  expect(found.spaces.map(({ extractor }) => extractor)).toEqual(['pixels', 'thumbnail']);
  await expect(check({ extractor: 'pixles' })).rejects.toThrow('there is no feature extractor "pixles"');
});

test('a stored network scores drawn pictures beside their real ones by 1 - cosine of its outputs', async () => {
  const suite = (await lab.executor.callEffect('validate', {
    ...{ checkpoint: 'toy', count: 4, tests: ['reconstruction'], weights: ['ema'], steps: 2, extractor: 'pixels' },
  })) as unknown as Suite;
  const full = suite.tests[0]?.scores.find(({ score }) => score === 'full');
  expect([suite.extractor, full?.ids.length]).toEqual(['pixels', 4]);
  const [page] = (await readDataset(lab.blobs, dataset)).pages;
  const column = readColumn(await lab.blobs.get(page?.columns.image ?? dataset));
  const levelsOf = (id: string) => {
    const { data } = decodeNpy(column.get(memberName('image', id)) ?? new Uint8Array());
    return [...toInterleaved({ data: data as Uint8Array, width: SIDE, height: SIDE }).data];
  };
  const drawn = Array.from({ length: TRAINED }, (_, i) => addNoise(levelsOf(i.toString(16).padStart(16, '0'))));
  for (const [i, id] of (full?.ids ?? []).entries()) {
    const distances = drawn.map(levels => 1 - cosineOf(levels, levelsOf(id)));
    const found = full?.values.feature_distance?.[i] ?? 9;
    expect(Math.min(...distances.map(each => Math.abs(each - found))), id).toBeLessThan(1e-5);
  }
});

/** Of levels as the network sees them. */
function cosineOf(a: readonly number[], b: readonly number[]): number {
  const [one, other] = [a, b].map(levels => levels.map(level => (level / 255 - 0.5) / 0.25));
  const dot = (one ?? []).reduce((sum, x, i) => sum + x * (other?.[i] ?? 0), 0);
  return dot / (Math.hypot(...(one ?? [])) * Math.hypot(...(other ?? [])));
}

/** What the gpu-runner of these tests draws. */
function addNoise(levels: readonly number[]): number[] {
  return levels.map((level, i) => Math.max(0, Math.min(255, level + (i % 3 === 0 ? 40 : -25))));
}

test('a stored network that finds copies counts those above its cosine, beside false alarms and obedience', async () => {
  await expect(check({ copy_detector: 'pixels' })).rejects.toThrow('the model "pixels" finds no copies');
  expect(await check()).not.toHaveProperty('copy_detector');
  await installNet('copies', { ...CONFIG, copies_above: 0.5 });
  const found = await check();
  expect(found.copy_detector).toBe('copies');
  const space = found.spaces.find(({ extractor }) => extractor === 'copies');
  expect(space?.cosine).toMatchObject({
    ...{ above: 0.5, excess: 1, drawn: { pictures: 8, copies: 8 } },
    ...{ held_out: { pictures: 4, copies: 0 }, obeyed: { pictures: 8, copies: 0 } },
  });
  expect(found.memorized).toBe(true);
  await installNet('copies', { ...CONFIG, copies_above: 0.999 });
  const strict = (await check()).spaces.find(({ extractor }) => extractor === 'copies');
  expect(strict?.cosine).toMatchObject({ above: 0.999, excess: 0, drawn: { copies: 0 } });
});

/** Makes numbers of this size of a picture. */
const scaled = (size: number) =>
  modelOf(
    [1, 3, SIDE, SIDE],
    [1, 3 * SIDE * SIDE],
    [node('Flatten', 'x', 'f'), node('Mul', 'f c', 'y')],
    [floats('c', [], 0, () => size)],
  );

test.each([
  ['that is no ONNX file', Buffer.from('I am no network'), 'cannot be read'],
  ['whose numbers are too large for distances', scaled(1e30), 'makes numbers beyond'],
  ['whose numbers are not finite', scaled(Number.NaN), 'not finite'],
])('a stored network %s is refused by its name before anything is drawn', async (_, model, message) => {
  await installNet('broken', { ...CONFIG, copies_above: 0.5 }, model);
  const { run } = lab.runner;
  let drawn = 0;
  lab.runner.run = (action, job, options) => {
    drawn += Number(job.kind === 'sample');
    return run(action, job, options);
  };
  onTestFinished(async () => {
    lab.runner.run = run;
    await createRefs(lab.store).models.delete('broken');
  });
  // Another seed: nothing of it is drawn yet.
  const refused = { status: 422, message: expect.stringMatching(`broken.*${message}`) };
  await expect(check({ seed: 9 })).rejects.toMatchObject({ ...refused, hint: expect.any(String) });
  await expect(check({ seed: 9, copy_detector: 'broken' })).rejects.toMatchObject(refused);
  expect(drawn).toBe(0);
});
