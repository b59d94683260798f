import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { samplingSchema } from '../../../configs/sampling.ts';
import { runsTier } from '../../../test/tiers.ts';
import type { Engine, Executable } from '../../compiler/engine.ts';
import * as f from '../../compiler/functions.ts';
import { sizeOf, type Tensor, tensorOf } from '../../compiler/tensor.ts';
import { randomValues } from '../../compiler/testing/random.ts';
import { trace } from '../../compiler/trace.ts';
import { type SampleRequest, Sampler } from '../../sampling/sampler.ts';
import type { TrainingTensors } from '../../training/load-state.ts';
import { tinyConfig, tinySource } from '../../training/testing/tiny.ts';
import { EMPTY_PROGRESS, type Progress, type StepReport, Trainer } from '../../training/trainer.ts';
import { createOnnxRuntimeEngine } from '../onnxruntime/engine.ts';
import { createXlaEngine, type XlaEngine, type XlaOptions } from './engine.ts';
import { probeXla } from './probe.ts';

const runs = runsTier('xla', (await probeXla('cpu')).reason);
/** XLA optimizes long: seconds on an idle machine. */
const COMPILING_MS = 240_000;

describe.skipIf(!runs)('xla/cpu', () => {
  let engine: XlaEngine;
  /** Keeps the programs of the trainings, which several tests run. */
  let cacheFolder = '';
  beforeAll(async () => {
    cacheFolder = await mkdtemp(join(tmpdir(), 'easel-xla-'));
    engine = await open();
  });
  afterAll(async () => {
    await engine.dispose();
    await rm(cacheFolder, { recursive: true, force: true });
  });

  const open = (options: Partial<XlaOptions> = {}) => createXlaEngine({ platform: 'cpu', cacheFolder, ...options });
  const valuesOf = (tensors: Record<string, Tensor>) =>
    Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, [...data]]));

  const COUNT = trace(builder => {
    const w = builder.state('w', { shape: [2], dtype: 'f32' });
    return { outputs: {}, writes: { w: f.add(w, builder.input('x', { shape: [2], dtype: 'f32' })) } };
  });

  it('swaps two states, passes on what is not computed, and keeps one value under several names', async () => {
    const graph = trace(builder => {
      const [v, w] = ['v', 'w'].map(name => builder.state(name, { shape: [2], dtype: 'f32' }));
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      if (!v || !w) throw new Error('a state is missing');
      const sum = f.add(v, w);
      return { outputs: { x, v, a: sum, b: sum }, writes: { w: v, v: w, s: sum, t: sum } };
    });
    const executable = await engine.compile(graph);
    const state = engine.createState({ v: tensorOf([2], [1, 2]), w: tensorOf([2], [10, 20]) });
    for (let i = 0; i < 2; i++) await executable.run(state, { x: tensorOf([2], [5, 6]) });
    const outputs = await executable.run(state, { x: tensorOf([2], [5, 6]) });
    expect(valuesOf(outputs)).toEqual({ x: [5, 6], v: [1, 2], a: [11, 22], b: [11, 22] });
    expect(valuesOf(await state.read())).toEqual({ v: [10, 20], w: [1, 2], s: [11, 22], t: [11, 22] });
    await expect(state.read(['u'])).rejects.toThrow('there is no state named "u"');
    state.dispose();
    await executable.dispose();
    await executable.dispose();
    await expect(executable.run(state, { x: tensorOf([2], [5, 6]) })).rejects.toThrow('disposed of');
  });

  it('runs that are asked for at once keep their order, and a refused one changes nothing', async () => {
    const executable = await engine.compile(COUNT);
    const state = engine.createState({ w: tensorOf([2], [0, 0]) });
    const runs = [1, 2, 3, 4, 5].map(x => executable.run(state, { x: tensorOf([2], [x, 10 * x]) }));
    await expect(executable.run(state, { x: tensorOf([3], [1, 1, 1]) })).rejects.toThrow('expected f32[2]');
    const mixed: Tensor = { shape: [2], dtype: 'i32', data: Int32Array.of(1, 1) };
    await expect(executable.run(state, { x: mixed })).rejects.toThrow('is i32[2], expected f32[2]');
    expect(await Promise.all(runs)).toEqual([{}, {}, {}, {}, {}]);
    expect(valuesOf(await state.read())).toEqual({ w: [15, 150] });
    state.set({ w: mixed });
    await expect(executable.run(state, { x: tensorOf([2], [1, 1]) })).rejects.toThrow('state "w" is i32[2]');
  });

  it('refuses the state of another engine, and frees what is left when it is disposed of', async () => {
    const other = await open({ threads: 3 });
    const executable = await other.compile(COUNT);
    await expect(executable.run(engine.createState({}), { x: tensorOf([2], [1, 1]) })).rejects.toThrow(
      'another engine',
    );
    await other.dispose();
    await other.dispose();
    await expect(open({ threads: 0 })).rejects.toThrow('cannot run on 0 threads');
    await expect(open({ env: { EASEL_CACHE: '/nowhere' } })).rejects.toThrow('xla/cpu is not available here');
  });

  it('two engines share a device, and one goes on when the other is closed', async () => {
    const other = await open({ precision: 'bf16' });
    const [executable, second] = [await engine.compile(COUNT), await other.compile(COUNT)];
    const state = engine.createState({ w: tensorOf([2], [1, 1]) });
    await second.run(other.createState({ w: tensorOf([2], [1, 1]) }), { x: tensorOf([2], [1, 1]) });
    await other.dispose();
    await executable.run(state, { x: tensorOf([2], [1, 1]) });
    expect(valuesOf(await state.read())).toEqual({ w: [2, 2] });
  });

  it('a program of another process gives the same bits as one of this process', async () => {
    const apart = await open({ compilesApart: true, cacheFolder: await mkdtemp(join(cacheFolder, 'apart-')) });
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [8, 32], dtype: 'f32' });
      return { outputs: { y: f.softmax(f.matmul(x, x, { transposeB: true })) } };
    });
    const x = tensorOf([8, 32], randomValues(256, 1));
    const ys = await Promise.all(
      [engine, apart].map(async each => (await (await each.compile(graph)).run(each.createState({}), { x })).y),
    );
    expect(ys[1]).toEqual(ys[0]);
    expect(apart.readChoices()).toBeUndefined();
    await apart.dispose();
  });

  it('a program on disk whose file is damaged is compiled again, to the same bits', async () => {
    const own = await open({ cacheFolder: join(cacheFolder, 'damaged') });
    const graph = trace(builder => {
      let x = builder.input('x', { shape: [64], dtype: 'f32' });
      // Smaller programs are not kept.
      for (let i = 0; i < 300; i++) x = f.add(f.mul(x, 0.9 + i / 1000), i);
      return { outputs: { x } };
    });
    const x = tensorOf([64], randomValues(64, 1));
    const run = async () => (await (await own.compile(graph)).run(own.createState({}), { x })).x;
    const first = await run();
    const folder = join(cacheFolder, 'damaged', 'programs');
    const [file = '', ...others] = await readdir(folder);
    expect(others).toEqual([]);
    const bytes = await readFile(join(folder, file));
    expect(await run()).toEqual(first);
    const damages = {
      'cut short': bytes.subarray(0, bytes.length - 7),
      // XLA loads these zeros without an error.
      changed: Buffer.from(bytes).fill(0, 900, 950),
      empty: Buffer.alloc(0),
    };
    for (const [name, damaged] of Object.entries(damages)) {
      await writeFile(join(folder, file), damaged);
      expect(await run(), name).toEqual(first);
      expect((await readFile(join(folder, file))).length, name).toBe(bytes.length);
    }
    await own.dispose();
  });

  describe('training', () => {
    const config = tinyConfig({
      model: { depth: 1, conditions: { text: { encoder: 'words', dim: 6, tokens: 8 } } },
    });

    interface Training {
      readonly reports: readonly StepReport[];
      readonly progress: Progress;
      readonly tensors: TrainingTensors;
    }
    async function train(on: Engine, steps: number, from: Partial<Training> = {}, remat = false): Promise<Training> {
      const { progress = EMPTY_PROGRESS, tensors } = from;
      const trainer = new Trainer(on, config, tinySource(), 4, progress, tensors, { remat });
      const reports: StepReport[] = [];
      for (let i = 0; i < steps; i++) reports.push(await trainer.step());
      const result = { reports, progress: trainer.progress, tensors: await trainer.tensors() };
      await trainer.dispose();
      return result;
    }

    /** The start of a training whose weights, moments and averages are nowhere zero. */
    async function startAnywhere(): Promise<TrainingTensors> {
      const { tensors } = await train(createOnnxRuntimeEngine({ threads: 1 }), 0);
      let seed = 0;
      const shift = (group: Readonly<Record<string, Tensor>>, range: readonly [number, number]) =>
        Object.fromEntries(
          Object.entries(group).map(([name, tensor]) => {
            const noise = randomValues(tensor.data.length, ++seed, range);
            return [name, { ...tensor, data: Float32Array.from(tensor.data, (x, i) => x + (noise[i] ?? 0)) }];
          }),
        );
      return {
        model: shift(tensors.model, [0.01, 0.1]),
        optimizer: shift(tensors.optimizer, [1e-4, 1e-3]),
        ema: shift(tensors.ema, [0.01, 0.1]),
      };
    }

    function bytesOf({ tensors }: Training): Record<string, string> {
      return Object.fromEntries(
        Object.entries(tensors).flatMap(([group, members]) =>
          Object.entries(members as TrainingTensors['model']).map(([name, { data }]) => [
            `${group}/${name}`,
            createHash('sha256').update(data).digest('hex'),
          ]),
        ),
      );
    }

    let start: TrainingTensors;
    let whole: Training;
    beforeAll(async () => {
      start = await startAnywhere();
      whole = await train(engine, 5, { tensors: start });
    }, COMPILING_MS);

    it('five steps agree with ONNX Runtime: losses to 1e-5, tensors to 1e-5 of their scale', async () => {
      const expected = await train(createOnnxRuntimeEngine({ threads: 1 }), 5, { tensors: start });
      for (const [i, { loss, grad_norm }] of expected.reports.entries()) {
        expect(Math.abs((whole.reports[i]?.loss ?? 0) / loss - 1), `loss of step ${i + 1}`).toBeLessThan(1e-5);
        expect(Math.abs((whole.reports[i]?.grad_norm ?? 0) / grad_norm - 1), `norm of step ${i + 1}`).toBeLessThan(
          1e-4,
        );
      }
      for (const group of ['model', 'optimizer', 'ema'] as const) {
        const [worst, name] = largestDifference(expected.tensors[group], whole.tensors[group]);
        // Muon orthogonalizes: the direction of a weight's update magnifies differences of its moment.
        expect(worst, `${group} ${name}`).toBeLessThan(group === 'optimizer' ? 1e-5 : 1e-4);
      }
    });

    it('a training that another engine goes on with has the same bytes', async () => {
      const first = await train(engine, 2, { tensors: start });
      const later = await open();
      const rest = await train(later, 3, first);
      await later.dispose();
      expect([...first.reports, ...rest.reports]).toEqual(whole.reports);
      expect(bytesOf(rest)).toEqual(bytesOf(whole));
    });

    it('pictures of equal weights differ from those of ONNX Runtime by at most one grey level', async () => {
      const text = tensorOf([1, 8, 6], randomValues(48, 1));
      const request: SampleRequest = {
        ...samplingSchema.parse({ steps: 3, seed: 3 }),
        ...{ height: 16, width: 16, first: 0 },
        conditions: { text, text_mask: tensorOf([1, 8], new Float32Array(8).fill(1)) },
      };
      // Small and of both signs, so that the pictures have many levels.
      const weights = Object.fromEntries(
        Object.entries(start.model).map(([name, { shape }], i) => [
          name,
          tensorOf(shape, randomValues(sizeOf(shape), i + 1, [-0.3, 0.3])),
        ]),
      );
      const pictures: Uint8Array[] = [];
      for (const each of [createOnnxRuntimeEngine({ threads: 1 }), engine]) {
        const sampler = new Sampler(each, config, weights);
        pictures.push(await sampler.sample(request));
        await sampler.dispose();
      }
      const [expected = [], actual = []] = pictures.map(pixels => [...pixels]);
      expect(new Set(expected).size).toBeGreaterThan(20);
      expect(Math.max(...expected.map((level, i) => Math.abs(level - (actual[i] ?? Infinity))))).toBeLessThanOrEqual(1);
    });

    it('gradient checkpointing takes less memory and trains the same, but for the order of sums', {
      timeout: COMPILING_MS,
    }, async () => {
      const peaks: number[] = [];
      const watched: Engine = {
        ...engine,
        async compile(graph): Promise<Executable> {
          const executable = await engine.compile(graph);
          peaks.push(executable.peakBytes);
          return executable;
        },
      };
      await train(watched, 1, { tensors: start });
      const again = await train(watched, 2, { tensors: start }, true);
      for (const [i, { loss }] of again.reports.entries()) {
        expect(Math.abs((whole.reports[i]?.loss ?? 0) / loss - 1)).toBeLessThan(1e-6);
      }
      // The gradient and the update of the first training, then those of the second.
      const [kept = 0, , recomputed = 0] = peaks;
      expect(recomputed).toBeLessThan(kept);
    });
  });
});

/** The largest difference of a tensor, divided by the tensor's largest element, and the tensor's name. */
function largestDifference(
  expected: TrainingTensors['model'],
  actual: TrainingTensors['model'],
): readonly [number, string] {
  let worst: readonly [number, string] = [0, ''];
  for (const [name, { data }] of Object.entries(expected)) {
    let [difference, scale] = [0, 1e-30];
    for (const [i, x] of data.entries()) {
      const off = Math.abs(x - (actual[name]?.data[i] ?? Number.NaN));
      difference = Number.isNaN(off) ? Infinity : Math.max(difference, off);
      scale = Math.max(scale, Math.abs(x));
    }
    if (difference / scale > worst[0]) worst = [difference / scale, name];
  }
  return worst;
}
