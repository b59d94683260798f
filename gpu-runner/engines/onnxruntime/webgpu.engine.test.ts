import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runsTier } from '../../../test/tiers.ts';
import type { Engine } from '../../compiler/engine.ts';
import * as f from '../../compiler/functions.ts';
import type { Graph } from '../../compiler/graph.ts';
import { mixPrecision } from '../../compiler/passes/mixed-precision.ts';
import { optimize } from '../../compiler/passes/optimize.ts';
import type { DType, Tensor } from '../../compiler/tensor.ts';
import { emptyTensor, tensorOf } from '../../compiler/tensor.ts';
import { trace } from '../../compiler/trace.ts';
import { traceGradGraph } from '../../training/grad-graph.ts';
import { tinyConfig, tinySource } from '../../training/testing/tiny.ts';
import { EMPTY_PROGRESS, Trainer } from '../../training/trainer.ts';
import { runOnce } from '../testing/conformance.ts';
import { createOnnxRuntimeEngine } from './engine.ts';
import { countBuffers } from './gpu-buffer.ts';
import { GpuState } from './gpu-state.ts';
import { useSwiftShader } from './testing/swiftshader.ts';
import { createWebGpuEngine } from './webgpu.ts';
import { probeInProcess, probeWebGpu } from './webgpu-probe.ts';

useSwiftShader();
const probe = await probeWebGpu();
const precisions = probe.precisions ?? [];

describe('the probe of WebGPU', () => {
  async function probeWith(text: string, timeoutMs?: number) {
    const path = join(await mkdtemp(join(tmpdir(), 'easel-webgpu-')), 'probe.mjs');
    await writeFile(path, text);
    return probeInProcess({ program: pathToFileURL(path), ...(timeoutMs !== undefined && { timeoutMs }) });
  }

  it('the probe says what to install if there is no adapter', async () => {
    const { available, reason } = await probeInProcess({ env: { VK_DRIVER_FILES: '/nowhere/driver.json' } });
    expect({ available, reason }).toEqual({
      available: false,
      reason: expect.stringMatching(/no WebGPU adapter: (install|Metal)/),
    });
  });

  it('the probe survives a driver that crashes, one that hangs, and one that reports nothing', async () => {
    expect((await probeWith("console.error('bad driver'); process.kill(process.pid, 'SIGSEGV');")).reason).toMatch(
      /ended by SIGSEGV: bad driver; check the GPU driver/,
    );
    expect((await probeWith('setInterval(() => {}, 1000);', 200)).reason).toContain('did not answer within 0.2 s');
    expect((await probeWith('process.exit(3);')).reason).toContain('ended with status 3');
    expect((await probeWith("process.send({ precisions: 'all' });")).available).toBe(false);
  });

  it('the probe returns the report of its process', async () => {
    const report = { precisions: ['f32', 'f16'], device: 'A GPU' };
    expect(await probeWith(`process.send(${JSON.stringify(report)});`)).toMatchObject({
      available: true,
      device: 'A GPU',
      precisions: ['f32', 'f16'],
    });
  });
});

const missing = probe.available ? undefined : `${probe.reason}; for a GPU in software, tools/install-swiftshader.sh`;

describe.skipIf(!runsTier('webgpu', missing))('onnxruntime/webgpu', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createWebGpuEngine({ cpuNodes: 'refused' });
  });
  afterAll(() => engine.dispose());
  afterEach(() => expect(countBuffers(), 'buffers left behind').toBe(0));

  function openState(tensors: Record<string, Tensor>): GpuState {
    const state = engine.createState(tensors);
    if (!(state instanceof GpuState)) throw new Error('the state is not on the GPU');
    return state;
  }

  /** Outputs and state after `runs` runs. */
  async function run(graph: Graph, inputs: Record<string, Tensor>, tensors: Record<string, Tensor>, runs = 1) {
    const executable = await engine.compile(graph);
    const state = openState(tensors);
    let outputs: Record<string, Tensor> = {};
    for (let i = 0; i < runs; i++) outputs = await executable.run(state, inputs);
    const { transfers } = state;
    const after = await state.read();
    await executable.dispose();
    state.dispose();
    state.dispose();
    return { outputs: valuesOf(outputs), after: valuesOf(after), transfers };
  }

  it('the probe names the device and its precisions', () => {
    expect(probe).toMatchObject({
      available: true,
      device: expect.any(String),
      version: expect.any(String),
      threads: 1,
    });
    expect(precisions[0]).toBe('f32');
  });

  it('trains like the CPU, and the state stays on the device', { timeout: 240_000 }, async () => {
    const config = tinyConfig({ model: { depth: 1 } });
    const steps = 4;
    const states: GpuState[] = [];
    const watched: Engine = {
      ...engine,
      createState(tensors) {
        const state = openState(tensors);
        states.push(state);
        return state;
      },
    };
    const [cpu, gpu] = [createOnnxRuntimeEngine({ threads: 1 }), watched].map(
      each => new Trainer(each, config, tinySource(), 4, EMPTY_PROGRESS),
    );
    if (!cpu || !gpu) throw new Error('a trainer is missing');
    for (let i = 0; i < steps; i++) {
      const [expected, actual] = [await cpu.step(), await gpu.step()];
      expect(Math.abs(actual.loss / expected.loss - 1), `loss of step ${i + 1}`).toBeLessThan(1e-4);
      expect(Math.abs(actual.grad_norm / expected.grad_norm - 1), `norm of step ${i + 1}`).toBeLessThan(1e-4);
    }
    const names = states[0]?.names ?? [];
    // The first step uploads each tensor once, but not the gradients, which the device makes. Nothing is downloaded.
    const given = names.filter(name => !name.startsWith('grad.')).length;
    expect(given).toBeGreaterThan(50);
    expect(states.map(state => state.transfers)).toEqual([{ toDevice: given, toHost: 0 }]);

    const [expected, actual] = [await cpu.tensors(), await gpu.tensors()];
    expect(states[0]?.transfers.toHost).toBe(given);
    for (const group of ['model', 'optimizer', 'ema'] as const) {
      expect(Object.keys(actual[group])).toEqual(Object.keys(expected[group]));
      for (const [name, tensor] of Object.entries(expected[group])) {
        expect(largestDifference(tensor, actual[group][name]), `${group} ${name}`).toBeLessThan(1e-4);
      }
    }
    await cpu.dispose();
    await gpu.dispose();
  });

  it('writes into the same two buffers at every run', async () => {
    const graph = trace(builder => {
      const w = builder.state('w', { shape: [3], dtype: 'f32' });
      return { outputs: { before: w }, writes: { w: f.add(w, 1) } };
    });
    const executable = await engine.compile(graph);
    const state = openState({ w: tensorOf([3], [1, 2, 3]) });
    const counts: number[] = [];
    for (let i = 0; i < 5; i++) {
      await executable.run(state, {});
      counts.push(countBuffers());
    }
    expect(counts).toEqual([2, 2, 2, 2, 2]);
    expect(valuesOf(await state.read())).toEqual({ w: [6, 7, 8] });
    // Replaces the state between runs, as a sampler does with weights.
    state.set({ w: tensorOf([3], [10, 20, 30]) });
    expect(countBuffers()).toBe(0);
    expect(valuesOf(await executable.run(state, {}))).toEqual({ before: [10, 20, 30] });
    await executable.dispose();
    state.dispose();
  });

  it('passes on state that is not computed, swaps two tensors, and keeps one value under two names', async () => {
    const graph = trace(builder => {
      const [v, w] = ['v', 'w'].map(name => builder.state(name, { shape: [2], dtype: 'f32' }));
      if (!v || !w) throw new Error('a state is missing');
      const sum = f.add(v, w);
      return { outputs: { v, a: sum, b: sum }, writes: { w: v, v: w, s: sum, t: sum } };
    });
    const { outputs, after } = await run(graph, {}, { v: tensorOf([2], [1, 2]), w: tensorOf([2], [10, 20]) }, 3);
    expect(outputs).toEqual({ v: [1, 2], a: [11, 22], b: [11, 22] });
    expect(after).toEqual({ v: [10, 20], w: [1, 2], s: [11, 22], t: [11, 22] });
  });

  it('holds scalars, integers and an empty tensor', async () => {
    const graph = trace(builder => {
      const step = builder.state('step', { shape: [], dtype: 'f32' });
      const count = builder.state('count', { shape: [2], dtype: 'i32' });
      const empty = builder.state('empty', { shape: [0, 3], dtype: 'f32' });
      return { outputs: {}, writes: { step: f.add(step, 1), count: f.add(count, count), empty: f.mul(empty, 2) } };
    });
    const count = { ...emptyTensor({ shape: [2], dtype: 'i32' }), data: Int32Array.of(3, -5) };
    const tensors = { step: tensorOf([], [1]), count, empty: emptyTensor({ shape: [0, 3], dtype: 'f32' }) };
    const { after } = await run(graph, {}, tensors, 3);
    expect(after).toEqual({ step: [4], count: [24, -40], empty: [] });
  });

  it('refuses f16 state before anything runs', async () => {
    const graph = trace(builder => ({
      outputs: { y: f.cast(builder.state('w', { shape: [1], dtype: 'f16' }), 'f32') },
    }));
    const executable = await engine.compile(graph);
    const state = openState({ w: emptyTensor({ shape: [1], dtype: 'f16' }) });
    await expect(executable.run(state, {})).rejects.toThrow('f16 cannot cross');
    await executable.dispose();
    state.dispose();
  });

  it('keeps the state as it was if a run fails', async () => {
    const precise = (type: DType) =>
      trace(builder => {
        const w = builder.state('w', { shape: [2], dtype: 'f32' });
        return { outputs: {}, writes: { w: f.cast(f.add(f.cast(w, type), f.cast(w, type)), 'f32'), made: w } };
      });
    const [works, fails] = await Promise.all([engine.compile(precise('f32')), engine.compile(precise('f16'))]);
    const state = openState({ w: tensorOf([2], [1, 2]) });
    await works.run(state, {});
    const buffers = countBuffers();
    if (!precisions.includes('f16')) {
      await expect(fails.run(state, {})).rejects.toThrow(/f16/);
      const empty = openState({});
      await expect(fails.run(empty, {})).rejects.toThrow('state "w" (f32[2]) was not given');
      expect(empty.names).toEqual([]);
    }
    expect(countBuffers()).toBe(buffers);
    expect(valuesOf(await state.read())).toEqual({ w: [2, 4], made: [1, 2] });
    await works.run(state, {});
    expect(valuesOf(await state.read())).toEqual({ w: [4, 8], made: [2, 4] });
    await Promise.all([works.dispose(), fails.dispose()]);
    state.dispose();
  });

  it('refuses a graph with nodes for the CPU only if asked to', async () => {
    // An output that is an input of type bool: the provider has no kernel for it.
    const graph = trace(builder => ({ outputs: { y: builder.input('x', { shape: [2], dtype: 'bool' }) } }));
    await expect(engine.compile(graph)).rejects.toThrow(/CPU/);
    const lenient = await createWebGpuEngine();
    const executable = await lenient.compile(graph);
    const state = lenient.createState({});
    const x: Tensor = { shape: [2], dtype: 'bool', data: Uint8Array.of(1, 0) };
    expect(valuesOf(await executable.run(state, { x }))).toEqual({ y: [1, 0] });
    state.dispose();
    await executable.dispose();
    await lenient.dispose();
    await lenient.dispose();
  });

  it('dispose frees the buffers of all states, and a state of another engine is refused', async () => {
    const short = await createWebGpuEngine();
    const graph = trace(builder => ({
      outputs: {},
      writes: { w: f.add(builder.state('w', { shape: [2], dtype: 'f32' }), 1) },
    }));
    const executable = await short.compile(graph);
    await executable.run(short.createState({ w: tensorOf([2], [1, 2]) }), {});
    expect(countBuffers()).toBe(2);
    const foreign = createOnnxRuntimeEngine({ threads: 1 }).createState({});
    await expect(executable.run(foreign, {})).rejects.toThrow('belongs to another engine');
    await executable.dispose();
    await short.dispose();
  });

  it('refuses a precision that the device does not have', async () => {
    await expect(createWebGpuEngine({ precision: 'bf16' })).rejects.toThrow('WebGPU has no bf16');
    if (!precisions.includes('f16')) {
      await expect(createWebGpuEngine({ precision: 'f16' })).rejects.toThrow('does not compute in f16');
    }
  });

  it('places every node of a gradient graph in f16 on the device', async () => {
    const config = tinyConfig();
    const shape = { batch: 2, height: 16, width: 16, textTokens: 8 };
    const { graph } = traceGradGraph(config, shape, { accumulate: true });
    await (await engine.compile(mixPrecision(graph, 'f16'))).dispose();
  });
});

const withoutF16 = precisions.includes('f16')
  ? undefined
  : `${missing ?? `${probe.device} does not compute in f16`}; Mesa's lavapipe does: VK_DRIVER_FILES=.../lvp_icd.json`;

describe.skipIf(!runsTier('webgpu-f16', withoutF16))('onnxruntime/webgpu in f16', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createWebGpuEngine({ precision: 'f16', cpuNodes: 'refused' });
  });
  afterAll(() => engine.dispose());

  it('a sum of 4,096 ones stops at 2,048 in one product, and is exact when the product is split', async () => {
    const graph = trace(builder => {
      const x = builder.input('x', { shape: [4096, 8], dtype: 'f32' });
      const w = builder.input('w', { shape: [4096, 4], dtype: 'f32' });
      return { outputs: { y: f.matmul(x, w, { transposeA: true }) } };
    });
    const ones = (columns: number) => tensorOf([4096, columns], new Array(4096 * columns).fill(1));
    const feeds = { x: ones(8), w: ones(4) };
    const split = await runOnce(engine, optimize(graph, engine), feeds);
    expect(new Set(split.y?.data)).toEqual(new Set([4096]));
    // If this fails, the kernel has become better, and passes/split-products.ts is no longer needed.
    const whole = await runOnce(engine, mixPrecision(graph, 'f16'), feeds);
    expect(Math.max(...(whole.y?.data ?? []))).toBeLessThan(4096);
  });

  it('a training in f16 on the device follows the training in f32 on the CPU', { timeout: 240_000 }, async () => {
    const config = tinyConfig({ model: { depth: 1 } });
    const exact = new Trainer(createOnnxRuntimeEngine({ threads: 1 }), config, tinySource(), 4, EMPTY_PROGRESS);
    const tensors = await exact.tensors();
    // From the first scale of a training, one of these steps overflows and is skipped.
    const scale = { loss_scale: tensorOf([], [1024]), loss_scale_steps: tensorOf([], [0]) };
    const start = { ...tensors, optimizer: { ...tensors.optimizer, ...scale } };
    const short = new Trainer(engine, config, tinySource(), 4, EMPTY_PROGRESS, start);
    for (let i = 0; i < 10; i++) {
      const [expected, actual] = [await exact.step(), await short.step()];
      expect(actual).toMatchObject({ skipped: false, loss_scale: 1024 });
      expect(Math.abs(actual.loss / expected.loss - 1), `loss of step ${i + 1}`).toBeLessThan(1e-2);
      expect(Math.abs(actual.grad_norm / expected.grad_norm - 1), `norm of step ${i + 1}`).toBeLessThan(2e-2);
    }
    await Promise.all([exact.dispose(), short.dispose()]);
  });
});

function valuesOf(tensors: Record<string, Tensor>): Record<string, number[]> {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, [...data]]));
}

function largestDifference({ data }: Tensor, other: Tensor | undefined): number {
  let largest = 0;
  for (const [i, x] of data.entries()) largest = Math.max(largest, Math.abs(x - (other?.data[i] ?? Number.NaN)));
  return largest;
}
