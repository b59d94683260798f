import { describe, expect, it } from 'vitest';
import { Unprocessable } from '../../errors.ts';
import { fromF16Bits } from '../../formats/half.ts';
import { decodeNpy, encodeNpy } from '../../formats/npy.ts';
import { decodeSafetensors, encodeSafetensors } from '../../formats/safetensors.ts';
import { packColumn, readColumn } from '../../formats/webdataset.ts';
import { createBlobStore } from '../../storage/blobs/cas.ts';
import { createMemoryStore } from '../../storage/drivers/memory.ts';
import { blobKey } from '../../storage/keys.ts';
import { linear } from '../compiler/composites.ts';
import { trace } from '../compiler/trace.ts';
import type { RunnerEncoder } from '../encoders/encoder.ts';
import { createOnnxRuntimeEngine } from '../engines/onnxruntime/engine.ts';
import type { EncodeJob } from '../protocol.ts';
import type { JobContext } from './context.ts';
import { createEncodeJob } from './encode.ts';

const engine = createOnnxRuntimeEngine({ threads: 1 });

/** A test encoder: the mean of each colour times a matrix [3, 4], on the engine. */
const opened: string[] = [];
const colours: RunnerEncoder = {
  version: 1,
  signals: ['cls'],
  batch: 2,
  async open(on, options, readWeights) {
    opened.push(String(options.name));
    const [file] = await readWeights('model');
    const { matrix } = decodeSafetensors(file ?? new Uint8Array()).tensors;
    if (matrix?.dtype !== 'f32') throw new Unprocessable('the weights have no matrix');
    const state = on.createState({ matrix: { dtype: 'f32', shape: [3, 4], data: matrix.data } });
    const compile = (batch: number) =>
      on.compile(
        trace(builder => {
          const means = builder.input('means', { shape: [batch, 3], dtype: 'f32' });
          return { outputs: { cls: linear(means, builder.state('matrix', { shape: [3, 4], dtype: 'f32' })) } };
        }),
      );
    return {
      async encode(inputs) {
        const means = inputs.flatMap(input => {
          if (!('image' in input)) throw new Unprocessable('pictures are expected');
          const { data, height, width } = input.image;
          const area = height * width;
          return [0, 1, 2].map(c => data.subarray(c * area, (c + 1) * area).reduce((sum, x) => sum + x, 0) / area);
        });
        const executable = await compile(inputs.length);
        const data = Float32Array.from(means);
        const { cls } = await executable.run(state, { means: { dtype: 'f32', shape: [inputs.length, 3], data } });
        await executable.dispose();
        return inputs.map((_, i) => ({
          cls: { shape: [4], data: Float32Array.from(cls!.data.slice(4 * i, 4 * i + 4)) },
        }));
      },
      async dispose() {
        state.dispose();
      },
    };
  },
};

async function setUp() {
  const store = createMemoryStore();
  const blobs = createBlobStore(store);
  const matrix = Float32Array.from({ length: 12 }, (_, i) => i);
  const weights = (await blobs.put(encodeSafetensors({ matrix: { dtype: 'f32', shape: [3, 4], data: matrix } })))
    .digest;
  const picture = (red: number) =>
    encodeNpy({ dtype: 'u8', shape: [3, 1, 2], data: Uint8Array.of(red, red, 1, 1, 2, 4) });
  const members = [10, 20, 30, 40, 50].map((red, i) => [`pic${i}.image.npy`, picture(red)] as const);
  const column = (await blobs.put(packColumn(new Map(members)))).digest;
  const breaths: number[] = [];
  const ctx: JobContext = {
    blobs,
    engine: async () => engine,
    openSource: () => Promise.reject(new Error('an encoder reads no training data')),
    progress: event => breaths.push(event.done ?? 0),
    breathe: async () => 'continue',
  };
  const job: EncodeJob = {
    kind: 'encode',
    encoder: 'colours',
    version: 1,
    reads: 'image',
    options: { name: 'first' },
    weights: { model: [weights] },
    column,
    engine: { name: 'onnxruntime/cpu', precision: 'f32', threads: 1 },
  };
  return { store, blobs, ctx, job, breaths, weights };
}

describe('the encode job', () => {
  it('makes a column with a vector for every member, batch by batch', async () => {
    const { blobs, ctx, job, breaths } = await setUp();
    const { outputs } = await createEncodeJob({ colours })(ctx, job);
    const made = readColumn(await blobs.get(outputs.cls!.digest as never));
    expect([...made.keys()]).toEqual([0, 1, 2, 3, 4].map(i => `pic${i}.dinov3.npy`));
    // Means (red, 1, 3) times the matrix of rows (0 1 2 3), (4 5 6 7), (8 9 10 11).
    const vectors = [...made.values()].map(bytes => [...decodeNpy(bytes).data]);
    expect(vectors).toEqual([10, 20, 30, 40, 50].map(red => [0, 1, 2, 3].map(k => red * k + (4 + k) + 3 * (8 + k))));
    expect(breaths).toEqual([2, 4, 5]);
  });

  it('of a sample it encodes the members that are asked for, and of their patches so many, evenly spread', async () => {
    const { blobs, ctx, job } = await setUp();
    const grid: RunnerEncoder = {
      ...{ version: 1, signals: ['patches'], batch: 8 },
      open: async () => ({
        encode: async inputs =>
          inputs.map(() => ({ patches: { shape: [4, 5, 2], data: Float32Array.from({ length: 40 }, (_, i) => i) } })),
        dispose: async () => {},
      }),
    };
    const run = async (patches: number) => {
      const sampled = { ...job, encoder: 'grid', sample: { ids: ['pic3', 'pic1'], patches } };
      const { outputs } = await createEncodeJob({ grid })(ctx, sampled);
      return readColumn(await blobs.get(outputs.patches!.digest as never));
    };
    const made = await run(4);
    expect([...made.keys()]).toEqual(['pic1.dinov3_patches.npy', 'pic3.dinov3_patches.npy']);
    const { shape, data } = decodeNpy(made.get('pic1.dinov3_patches.npy') ?? new Uint8Array());
    // The centres of four parts of twenty cells.
    expect([shape, [...data].map(fromF16Bits)]).toEqual([
      [4, 2],
      [2, 7, 12, 17].flatMap(cell => [2 * cell, 2 * cell + 1]),
    ]);
    const all = decodeNpy((await run(100)).get('pic3.dinov3_patches.npy') ?? new Uint8Array());
    expect(all.shape).toEqual([20, 2]);
  });

  it('keeps the weights on the engine for a next job with the same options, weights and engine', async () => {
    const { ctx, job } = await setUp();
    opened.length = 0;
    const run = createEncodeJob({ colours });
    const [first, second] = [await run(ctx, job), await run(ctx, job)];
    expect(second.outputs).toEqual(first.outputs);
    await run(ctx, { ...job, options: { name: 'second' } });
    expect(opened).toEqual(['first', 'second']);
  });

  it('refuses weights whose bytes do not match their digest', async () => {
    const { store, ctx, job, weights } = await setUp();
    await store.put(blobKey(weights), Buffer.from('something else'), {});
    await expect(createEncodeJob({ colours })(ctx, job)).rejects.toMatchObject({ code: 'corrupt' });
  });

  it('refuses an unknown encoder, another version of an encoder, and missing weights', async () => {
    const { ctx, job } = await setUp();
    const run = createEncodeJob({ colours });
    await expect(run(ctx, { ...job, encoder: 'colour' })).rejects.toThrow('the gpu-runner has no encoder "colour"');
    await expect(run(ctx, { ...job, version: 2 })).rejects.toThrow('has version 1 of the encoder colours, not 2');
    await expect(run(ctx, { ...job, weights: {} })).rejects.toThrow('needs the weights "model"');
    await expect(run(ctx, { ...job, reads: 'caption' })).rejects.toThrow();
  });

  it('stops between batches when it is cancelled', async () => {
    const { ctx, job, breaths } = await setUp();
    const cancelled = { ...ctx, breathe: () => Promise.reject(new Unprocessable('enough')) };
    await expect(createEncodeJob({ colours })(cancelled, job)).rejects.toThrow('enough');
    expect(breaths).toEqual([2]);
  });
});
