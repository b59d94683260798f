import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Conditions } from '../../configs/signals.ts';
import { Unprocessable } from '../../errors.ts';
import { decodeNpy } from '../../formats/npy.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import type { EncodeJob, Job } from '../../gpu-runner/protocol.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { encodeSignalMember } from '../../storage/blobs/column-member.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import type { EngineSpec } from '../../storage/records.ts';
import type { FunctionContext } from '../define.ts';
import { NO_DESCRIBER } from '../execution/contexts.ts';
import { encodePng } from '../pictures/image.ts';
import { inlinePool } from '../testing/inline-pool.ts';
import { encodeDct } from './encode-dct.ts';
import { encodeSample, type SampleConditions } from './encode-sample.ts';
import { defineEncoder } from './encoder.ts';
import { encodeWords } from './words.ts';

const engine: EngineSpec = { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 };
const text = { encoder: 'words', dim: 192, tokens: 64 };
const cls = { encoder: 'dct', dim: 64 };
const patches = { encoder: 'dct', dim: 27, stride: 8 };
const size = { width: 16, height: 16 };

function createContext(
  run: (job: Job) => Promise<never> | ReturnType<FunctionContext['runner']['run']> = () => {
    throw new Error('no job was expected');
  },
): FunctionContext {
  return {
    blobs: createBlobStore(createMemoryStore()),
    signal: new AbortController().signal,
    runner: { run: (_, job) => run(job), status: () => Promise.reject(new Error('not asked')) },
    describer: NO_DESCRIBER,
    progress: () => {},
    task: (name, input) => inlinePool.run(name, input),
  };
}

function encode(conditions: Conditions, given: Partial<SampleConditions> = {}) {
  return encodeSample(createContext(), conditions, { prompts: ['red hat'], size, engine, ...given });
}

describe('a reference picture of a model that was trained on reduced patches', () => {
  const model = [`sha256:${'1'.repeat(64)}`];
  const pca = [`sha256:${'2'.repeat(64)}`];
  const dino = { encoder: 'dinov3-vits16', weights: { model, pca } };
  const steps = new Float32Array(256).fill(0.5);

  /** The job of the reference picture, and the signals that it made. */
  async function encodeReference(conditions: Conditions) {
    const jobs: EncodeJob[] = [];
    const reference = await encodePng({ data: new Uint8Array(16 * 16 * 3), width: 16, height: 16 });
    const blobs = createBlobStore(createMemoryStore());
    const run = async (job: Job) => {
      if (job.kind !== 'encode') throw new Error('an encode job is expected');
      jobs.push(job);
      const reduced = { shape: [1, 1, 256], data: new Float32Array(256).fill(1.6), steps };
      const columns = {
        cls: encodeSignalMember('cls', '0', { shape: [384], data: new Float32Array(384) }),
        patches: encodeSignalMember('patches', '0', reduced),
      };
      const put = (member: readonly [string, Uint8Array]) => blobs.put(packColumn(new Map([member])), 'x');
      return { outputs: { cls: await put(columns.cls), patches: await put(columns.patches) }, links: [], stats: {} };
    };
    const ctx = { ...createContext(run), blobs };
    const { signals } = await encodeSample(ctx, { text, ...conditions }, { prompts: ['x'], size, engine, reference });
    return { job: jobs[0], signals };
  }

  test('is reduced by the same basis, and read in its steps', async () => {
    const patches = { ...dino, dim: 256, stride: 16 };
    const { job, signals } = await encodeReference({ cls: { ...dino, dim: 384 }, patches });
    expect([job?.options, job?.weights]).toEqual([
      { stride: 16, layers: 'last', pca: 256 },
      { model, pca },
    ]);
    expect(signals.patches?.[0]).toEqual({ shape: [1, 1, 256], data: new Float32Array(256).fill(1.5) });
  });

  test('needs no basis for cls alone', async () => {
    const { job } = await encodeReference({ cls: { ...dino, dim: 384 } });
    expect([job?.options, job?.weights]).toEqual([{ stride: 16, layers: 'last' }, { model }]);
  });
});

describe('the conditions of samples', () => {
  test('prompts are encoded by the encoder that the config names', async () => {
    const { rows, signals, negative } = await encode(
      { text },
      { prompts: ['red hat', 'blue'], negativePrompt: 'grey' },
    );
    expect(rows).toBe(2);
    expect(signals.text?.map(({ data }) => data)).toEqual([encodeWords('red hat').data, encodeWords('blue').data]);
    expect(negative.text?.map(({ data }) => data)).toEqual(Array(2).fill(encodeWords('grey').data));
  });

  test('a reference picture is scaled to the sample and encoded, the same for every picture', async () => {
    const data = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 7) % 256);
    const reference = await encodePng({ data, width: 16, height: 16 });
    const planes = Uint8Array.from(data, (_, i) => data[(i % 256) * 3 + Math.floor(i / 256)] ?? 0);
    const expected = encodeDct({ data: planes, width: 16, height: 16 }, 8);
    const { signals } = await encode({ text, cls, patches }, { prompts: ['a', 'b'], reference });
    expect(signals.cls?.[1]).toEqual({ shape: [64], data: expected.cls });
    expect(signals.patches?.[0]).toEqual({ shape: [2, 2, 27], data: expected.patches.data });
  });

  test('a model without patches takes a reference picture of any size', async () => {
    const reference = await encodePng({ data: new Uint8Array(18 * 18 * 3), width: 18, height: 18 });
    const { signals } = await encode({ text, cls }, { reference, size: { width: 18, height: 18 } });
    expect(Object.keys(signals)).toEqual(['text', 'cls']);
  });

  test('each prompt has a pose of its own', async () => {
    const poses = [0.25, -0.5].map(x => Array.from({ length: 133 }, () => [x, 0, 1]));
    const { signals } = await encode({ text, pose: { joints: 133, threshold: 0 } }, { prompts: ['a', 'b'], poses });
    expect(signals.pose?.map(({ shape, data }) => [shape, data[0]])).toEqual([
      [[133, 3], 0.25],
      [[133, 3], -0.5],
    ]);
  });

  test('a condition without a signal in the model is refused', async () => {
    const reference = await encodePng({ data: new Uint8Array(16 * 16 * 3), width: 16, height: 16 });
    await expect(encode({})).rejects.toThrow('without text, so a prompt says nothing to it');
    await expect(encode({ text }, { reference })).rejects.toThrow('a reference picture');
    await expect(encode({ text }, { poses: [[[0, 0, 1]]] })).rejects.toThrow('a pose');
  });

  test('vectors of another length than the model wants are refused', async () => {
    await expect(encode({ text: { ...text, dim: 100 } })).rejects.toThrow('192 numbers, the model wants 100');
  });

  test('an unknown encoder is refused with the nearest name', async () => {
    await expect(encode({ text: { ...text, encoder: 'wrods' } })).rejects.toMatchObject({
      message: 'there is no encoder "wrods"',
      hint: 'did you mean words?',
    });
  });
});

describe('an encoder of the gpu-runner', () => {
  const letters = defineEncoder({
    name: 'letters',
    version: 3,
    reads: 'caption',
    options: z.strictObject({ bold: z.boolean().default(false) }),
    makes: { text: () => ({ dim: 2, tokens: 8 }) },
    optionsOf: () => ({ bold: true }),
    weights: ['model'],
    runs: 'runner',
  });
  const weights = { model: [`sha256:${'1'.repeat(64)}`] };
  const conditions: Conditions = { text: { encoder: 'letters', dim: 2, tokens: 8, weights } };

  test('a runner encoder gets the prompts as a column, with version, options, weights and engine', async () => {
    const jobs: EncodeJob[] = [];
    const ctx = createContext(async job => {
      if (job.kind !== 'encode') throw new Unprocessable('only encode jobs are expected');
      jobs.push(job);
      const prompts = [...readColumn(await ctx.blobs.get(job.column))];
      const members = prompts.map(([name, bytes]) =>
        encodeSignalMember('text', name.replace('.txt', ''), {
          shape: [1, 2],
          data: Float32Array.of(bytes.length, 0.5),
        }),
      );
      const column = await ctx.blobs.put(packColumn(new Map(members)), 'application/x-tar');
      return { outputs: { text: column }, links: [], stats: {} };
    });
    const given = { prompts: ['abc', 'defgh'], negativePrompt: 'x', size, engine };
    const { signals, negative } = await encodeSample(ctx, conditions, given, [letters]);
    expect(signals.text?.map(({ shape, data }) => [shape, [...data]])).toEqual([
      [
        [1, 2],
        [3, 0.5],
      ],
      [
        [1, 2],
        [5, 0.5],
      ],
    ]);
    expect(negative.text?.map(({ data }) => [...data])).toEqual([
      [1, 0.5],
      [1, 0.5],
    ]);
    expect(jobs[0]).toMatchObject({
      encoder: 'letters',
      version: 3,
      reads: 'caption',
      options: { bold: true },
      weights,
      engine,
    });
    expect(jobs).toHaveLength(2);
  });

  test('a picture of a pose goes through the detector, with the weights and options of the model or the given ones', async () => {
    const jobs: EncodeJob[] = [];
    let joint = 0.5;
    const ctx = createContext(async job => {
      if (job.kind !== 'encode') throw new Unprocessable('only encode jobs are expected');
      jobs.push(job);
      const pose = encodeSignalMember('pose', '0', { shape: [133, 3], data: new Float32Array(399).fill(joint) });
      return {
        outputs: { pose: await ctx.blobs.put(packColumn(new Map([pose])), 'application/x-tar') },
        links: [],
        stats: {},
      };
    });
    const posePicture = await encodePng({ data: new Uint8Array(20 * 10 * 3), width: 20, height: 10 });
    const given = { prompts: ['a', 'b'], size, engine, posePicture };
    const both = { detector: [`sha256:${'2'.repeat(64)}`], pose: [`sha256:${'3'.repeat(64)}`] };
    const pose = { joints: 133, threshold: 0.05 } as const;
    const own = { ...pose, encoder: 'dwpose', weights: both, joint_score: 0.4, person_score: 0.2 };
    const { signals } = await encodeSample(ctx, { text, pose: own }, given);
    expect(signals.pose?.map(({ shape, data }) => [shape, data[398]])).toEqual(Array(2).fill([[133, 3], 0.5]));
    expect(jobs[0]).toMatchObject({
      encoder: 'dwpose',
      reads: 'image',
      options: { joint_score: 0.4, person_score: 0.2 },
      weights: both,
    });
    const [[, picture] = ['', new Uint8Array()]] = [...readColumn(await ctx.blobs.get(jobs[0]!.column))];
    expect(decodeNpy(picture).shape).toEqual([3, 16, 16]);
    await encodeSample(ctx, { text, pose }, { ...given, poseWeights: both });
    expect(jobs[1]).toMatchObject({ options: { joint_score: 0.3, person_score: 0.3 }, weights: both });
    await expect(encodeSample(ctx, { text, pose }, given)).rejects.toThrow('needs its weights "detector"');
    await expect(encodeSample(ctx, { text }, given)).rejects.toThrow('without pose, so the pose of a picture');
    joint = 0;
    await expect(encodeSample(ctx, { text, pose: own }, given)).rejects.toThrow('shows no person that is found');
  });

  test('a reference picture says nothing of the pose', async () => {
    const reference = await encodePng({ data: new Uint8Array(16 * 16 * 3), width: 16, height: 16 });
    const pose = { joints: 133, threshold: 0.05, encoder: 'dwpose' } as const;
    const { signals } = await encode({ text, cls, pose }, { reference });
    expect(Object.keys(signals)).toEqual(['text', 'cls']);
  });

  test('a runner encoder without weights is refused before a job begins', async () => {
    const { text: bare } = conditions;
    const unarmed: Conditions = { text: { ...bare!, weights: undefined } };
    const given = { prompts: ['abc'], size, engine };
    await expect(encodeSample(createContext(), unarmed, given, [letters])).rejects.toThrow('needs its weights "model"');
  });
});
