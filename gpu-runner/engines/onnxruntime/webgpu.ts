/** @file ONNX Runtime on WebGPU: GPUs of any vendor, over Vulkan or Metal. State stays in GPU memory between runs. */

import type { Precision } from '../../../configs/engines.ts';
import { Unprocessable } from '../../../errors.ts';
import type { Engine, Executable, State, Tensors } from '../../compiler/engine.ts';
import type { Graph } from '../../compiler/graph.ts';
import { peakLiveBytes } from '../../compiler/live-bytes.ts';
import { GraphError, requireSpec } from '../../compiler/shapes.ts';
import { ONNX_PREFIX } from '../../compiler/targets/onnx/emitter.ts';
import type { OnnxProgram } from '../../compiler/targets/onnx/lower.ts';
import type { Tensor } from '../../compiler/tensor.ts';
import { allocate } from './gpu-copies.ts';
import { GpuState } from './gpu-state.ts';
import { lowerForWebGpu, WEBGPU_TUNING } from './lowering.ts';
import { fromOrt, ort, requireResult, toOrt } from './runtime.ts';
import { openDevice } from './webgpu-device.ts';

class GpuExecutable implements Executable {
  readonly peakBytes: number;
  readonly #session: ort.InferenceSession;
  readonly #program: OnnxProgram;

  constructor(session: ort.InferenceSession, program: OnnxProgram, peakBytes: number) {
    this.#session = session;
    this.#program = program;
    this.peakBytes = peakBytes;
  }

  async run(state: State, inputs: Tensors): Promise<Record<string, Tensor>> {
    if (!(state instanceof GpuState)) throw new GraphError('the state belongs to another engine');
    const program = this.#program;
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, spec] of program.inputs) {
      feeds[`${ONNX_PREFIX.input}${name}`] = toOrt(requireSpec(inputs[name], spec, `input "${name}"`));
    }
    for (const [name, buffer] of await state.frontBuffers(program.reads)) {
      feeds[`${ONNX_PREFIX.state}${name}`] = buffer.tensor;
    }
    // Buffers are passed by hand: with preferredOutputLocation the session would make new ones at every run.
    const backs = new Map([...program.writes].map(([name, spec]) => [name, state.back(name, spec)]));
    const made = await allocate(new Map([...program.writes].filter(([name]) => backs.get(name)?.buffer === undefined)));
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const name of program.outputs.keys()) fetches[`${ONNX_PREFIX.output}${name}`] = null;
    for (const [name, back] of backs) {
      fetches[`${ONNX_PREFIX.write}${name}`] = requireResult(made.get(name) ?? back?.buffer, name).tensor;
    }
    let results: Readonly<Record<string, ort.Tensor>>;
    try {
      results = await this.#session.run(feeds, fetches);
    } catch (error) {
      for (const buffer of made.values()) buffer.dispose();
      throw error;
    }
    for (const [name, spec] of program.writes) {
      const buffer = made.get(name);
      const view = buffer ? { buffer } : backs.get(name);
      if (view) state.swap(name, spec, view);
    }
    const outputs: Record<string, Tensor> = {};
    for (const [name, spec] of program.outputs) {
      outputs[name] = fromOrt(requireResult(results[`${ONNX_PREFIX.output}${name}`], name), spec);
    }
    return outputs;
  }

  dispose(): Promise<void> {
    return this.#session.release();
  }
}

export interface WebGpuOptions {
  /** Precision of matrix products in graphs of the model; default f32. */
  readonly precision?: Precision;
  /** Nodes without a WebGPU kernel: run on the CPU, with copies at every run (default), or fail to compile. */
  readonly cpuNodes?: 'allowed' | 'refused';
}

/** @throws Unprocessable if there is no device, or it does not compute in the precision. */
export async function createWebGpuEngine({
  precision = 'f32',
  cpuNodes = 'allowed',
}: WebGpuOptions = {}): Promise<Engine> {
  if (precision === 'bf16') {
    throw new Unprocessable('WebGPU has no bf16', { expected: 'precision f32, or f16 if the device has it' });
  }
  // The device closes with its last session. This one keeps it open.
  const anchor = await openDevice(precision);
  const states = new Set<GpuState>();
  let isReleased = false;
  return {
    name: 'onnxruntime/webgpu',
    precision,
    tuning: WEBGPU_TUNING,
    createState(tensors) {
      const state = new GpuState(disposed => states.delete(disposed));
      states.add(state);
      state.set(tensors);
      return state;
    },
    async compile(graph: Graph) {
      const program = lowerForWebGpu(graph);
      const session = await ort.InferenceSession.create(program.bytes, {
        executionProviders: ['webgpu'],
        intraOpNumThreads: 1,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        // 4 hides the log of a refusal: the error tells enough.
        logSeverityLevel: cpuNodes === 'allowed' ? 3 : 4,
        extra: { session: { disable_cpu_ep_fallback: cpuNodes === 'allowed' ? '0' : '1' } },
      });
      return new GpuExecutable(session, program, peakLiveBytes(program.graph));
    },
    async dispose() {
      if (isReleased) return;
      isReleased = true;
      for (const state of [...states]) state.dispose();
      await anchor.release();
    },
  };
}
