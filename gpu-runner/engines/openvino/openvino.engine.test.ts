import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runsTier } from '../../../test/tiers.ts';
import type { Engine } from '../../compiler/engine.ts';
import * as f from '../../compiler/functions.ts';
import type { Graph } from '../../compiler/graph.ts';
import { mixPrecision } from '../../compiler/passes/mixed-precision.ts';
import { type Tensor, tensorOf } from '../../compiler/tensor.ts';
import { trace } from '../../compiler/trace.ts';
import { paramState } from '../../model/params.ts';
import { EpochPlan } from '../../training/epoch-plan.ts';
import { FeedBuilder } from '../../training/feeds.ts';
import { GRAD_PREFIX, traceGradGraph } from '../../training/grad-graph.ts';
import { tinyConfig, tinySource } from '../../training/testing/tiny.ts';
import { EMPTY_PROGRESS, Trainer } from '../../training/trainer.ts';
import { createOpenVinoEngine, probeOpenVino } from './engine.ts';
import { loadOpenVino, OpenVinoError } from './ffi.ts';
import { findLibrary, hasBf16Units } from './library.ts';

const precisions = hasBf16Units() ? (['f32', 'bf16'] as const) : (['f32'] as const);
const found = findLibrary();
const runs = runsTier('openvino', probeOpenVino().reason);

describe('the probe of OpenVINO', () => {
  it('the probe says why the library is missing, and what to do', () => {
    const probe = probeOpenVino({ EASEL_CACHE: '/nowhere' });
    expect(probe).toMatchObject({ name: 'openvino/cpu', available: false });
    expect(probe.reason).toMatch(/easel engines install openvino|OPENVINO_LIB/);
    expect(() => createOpenVinoEngine({ threads: 1, env: { EASEL_CACHE: '/nowhere' } })).toThrow('not available');
    expect(probeOpenVino({ OPENVINO_LIB: '/nowhere/libopenvino_c.so' }).reason).toContain('does not exist');
  });

  it('the probe advises to install OpenVINO on a CPU with bf16 units, if a package exists', () => {
    const advised = (env: Readonly<Record<string, string>>, flags: string) =>
      probeOpenVino(env, `flags : ${flags}\n`).advice?.includes('engines install openvino') ?? false;
    const isPinned = process.platform === 'linux' && process.arch === 'x64';
    expect(advised({ EASEL_CACHE: '/nowhere' }, 'sse avx512_bf16')).toBe(isPinned);
    expect(advised({ EASEL_CACHE: '/nowhere' }, 'sse avx512f')).toBe(false);
    // OPENVINO_LIB takes precedence, so an installation would change nothing.
    expect(advised({ OPENVINO_LIB: '/nowhere/libopenvino_c.so' }, 'sse avx512_bf16')).toBe(false);
  });

  it('the probe reports a file that is not a library', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'easel-openvino-')), 'libopenvino_c.so');
    await writeFile(path, 'text');
    expect(probeOpenVino({ OPENVINO_LIB: path })).toMatchObject({
      available: false,
      reason: expect.stringContaining('does not load'),
    });
    expect(() => loadOpenVino(path)).toThrow(/does not load/);
  });
});

describe('hasBf16Units', () => {
  it('hasBf16Units reads whole words of the CPU flags', () => {
    expect(hasBf16Units('flags\t\t: fpu avx512_bf16 sse\n')).toBe(true);
    expect(hasBf16Units('flags\t\t: fpu amx_tile amx_bf16\n')).toBe(true);
    expect(hasBf16Units('flags\t\t: fpu avx512f avx512_bf16x\n')).toBe(false);
    expect(hasBf16Units('')).toBe(false);
  });
});

describe.skipIf(!runs)('openvino/cpu', () => {
  let engine: Engine;
  beforeAll(() => {
    engine = createOpenVinoEngine({ threads: 1 });
  });
  afterAll(() => engine.dispose());

  async function run(graph: Graph, inputs: Record<string, Tensor>, state: Record<string, Tensor> = {}) {
    const executable = await engine.compile(graph);
    const memory = engine.createState(state);
    const outputs = await executable.run(memory, inputs);
    const after = await memory.read();
    await executable.dispose();
    await executable.dispose();
    memory.dispose();
    return { outputs, after };
  }

  it('passes on inputs and state that are not computed, and one value under several names', async () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [2], dtype: 'f32' });
      const y = builder.input('y', { shape: [2], dtype: 'f32' });
      const w = builder.state('w', { shape: [2], dtype: 'f32' });
      const v = builder.state('v', { shape: [2], dtype: 'f32' });
      const sum = f.add(f.add(x, y), f.mul(v, w));
      return { outputs: { y, a: sum, b: sum }, writes: { w: v, v: w, s: sum } };
    });
    const { outputs, after } = await run(
      graph,
      { x: tensorOf([2], [1, 2]), y: tensorOf([2], [10, 20]) },
      { w: tensorOf([2], [3, 4]), v: tensorOf([2], [5, 6]) },
    );
    const values = (tensors: Record<string, Tensor>) =>
      Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, [...data]]));
    expect(values(outputs)).toEqual({ y: [10, 20], a: [26, 46], b: [26, 46] });
    expect(values(after)).toEqual({ w: [5, 6], v: [3, 4], s: [26, 46] });
  });

  it('refuses to run a disposed program', async () => {
    const graph = trace(builder => ({ outputs: { y: f.exp(builder.input('x', { shape: [1], dtype: 'f32' })) } }));
    const executable = await engine.compile(graph);
    await executable.dispose();
    await expect(executable.run(engine.createState({}), { x: tensorOf([1], [0]) })).rejects.toThrow('disposed of');
  });

  it('reads a subarray of a larger array', async () => {
    const graph = trace(builder => ({ outputs: { y: f.mul(builder.input('x', { shape: [3], dtype: 'f32' }), 2) } }));
    const data = Float32Array.from([0, 1, 2, 3, 4]).subarray(1, 4);
    expect([...((await run(graph, { x: { shape: [3], dtype: 'f32', data } })).outputs.y?.data ?? [])]).toEqual([
      2, 4, 6,
    ]);
  });

  it.each(precisions)('multiplies by a square literal and by its transpose in one graph, in %s', async precision => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [6, 6], dtype: 'f32' });
      const c = builder.constant([...Array(36).keys()], [6, 6]);
      return { outputs: { y: f.matmul(x, c), z: f.matmul(x, c, { transposeB: true }) } };
    });
    const identity = tensorOf(
      [6, 6],
      Array.from({ length: 36 }, (_, i) => Number(i % 7 === 0)),
    );
    const { y, z } = (await run(mixPrecision(graph, precision), { x: identity })).outputs;
    expect([...(y?.data ?? [])]).toEqual([...Array(36).keys()]);
    expect([...(z?.data ?? [])]).toEqual(Array.from({ length: 36 }, (_, i) => 6 * (i % 6) + Math.floor(i / 6)));
  });

  it('an error has the message of the library', () => {
    if (found.path === undefined) return;
    const api = loadOpenVino(found.path);
    const core = api.createCore();
    expect(() => api.readModel(core, Uint8Array.of(1, 2, 3))).toThrow(OpenVinoError);
    expect(() => api.readProperty(core, 'CPU', 'NO_SUCH_PROPERTY')).toThrow(/NO_SUCH_PROPERTY \(status -1\)/);
    api.freeCore(core);
  });

  describe.skipIf(!hasBf16Units())('bf16', () => {
    it('gradients of a whole model in bf16 are accurate to one percent', async () => {
      const config = tinyConfig();
      const trainer = new Trainer(engine, config, tinySource(), 4, EMPTY_PROGRESS);
      for (let i = 0; i < 4; i++) await trainer.step();
      const { model } = await trainer.tensors();
      await trainer.dispose();
      const state = paramState(model);
      const shape = { batch: 4, height: 16, width: 16, textTokens: 8 };
      const { graph } = traceGradGraph(config, shape, { accumulate: false });
      const { index, load } = tinySource();
      const { positions } = new EpochPlan(index, config.seed, config.data).take({ epoch: 0, position: 0 });
      const samples = await load(positions);
      const inputs = new FeedBuilder(config).build(samples, 0, shape);

      const exact = (await run(graph, inputs, state)).after;
      const error = relativeDistance(exact, (await run(mixPrecision(graph, 'bf16'), inputs, state)).after);
      // Rounding to 8 significant bits changes an operand by at most 2^-9. A dozen products in a row add up to a few
      // times that.
      expect(error).toBeLessThan(0.01);
      expect(error).toBeGreaterThan(2 ** -12);
    });
  });
});

/** L2 norm of the differences of all gradients, relative to the norm of the expected gradients. */
function relativeDistance(expected: Record<string, Tensor>, actual: Record<string, Tensor>): number {
  let [difference, norm] = [0, 0];
  for (const [name, { data }] of Object.entries(expected)) {
    if (!name.startsWith(GRAD_PREFIX)) continue;
    for (const [i, x] of data.entries()) {
      difference += (x - (actual[name]?.data[i] ?? Number.NaN)) ** 2;
      norm += x ** 2;
    }
  }
  return Math.sqrt(difference / norm);
}
