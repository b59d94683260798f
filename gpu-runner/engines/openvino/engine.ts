/** @file OpenVINO on the CPU, called by its C API with ONNX bytes. */
import { cpus } from 'node:os';
import { setImmediate as nextTick } from 'node:timers/promises';
import type { Precision } from '../../../configs/engines.ts';
import { Internal, Unprocessable } from '../../../errors.ts';
import type { Engine, EngineProbe, Executable, KindProfile, State, Tensors } from '../../compiler/engine.ts';
import type { Graph } from '../../compiler/graph.ts';
import { peakLiveBytes } from '../../compiler/live-bytes.ts';
import { GraphError, requireSpec } from '../../compiler/shapes.ts';
import type { OnnxProgram } from '../../compiler/targets/onnx/lower.ts';
import { emptyTensor, type Tensor } from '../../compiler/tensor.ts';
import { readCpuInfo } from '../cpu-info.ts';
import { sumByKind } from '../kind-profile.ts';
import { checkThreads, countThreads } from '../threads.ts';
import { type Handle, loadOpenVino, type OpenVino, OpenVinoError } from './ffi.ts';
import { findLibrary, hasBf16Units } from './library.ts';
import { lowerForOpenVino } from './lowering.ts';
import { createView, OpenVinoState, type View } from './state.ts';

const DEVICE = 'CPU';

interface CompiledProgram {
  readonly compiled: Handle;
  readonly request: Handle;
}

class OpenVinoExecutable implements Executable {
  readonly peakBytes: number;
  readonly profile?: () => Promise<readonly KindProfile[]>;
  readonly #api: OpenVino;
  readonly #program: OnnxProgram;
  readonly #compiled: Handle;
  readonly #request: Handle;
  #isReleased = false;
  #hasRun = false;
  #summary: readonly KindProfile[] | undefined;

  constructor(
    api: OpenVino,
    program: OnnxProgram,
    { compiled, request }: CompiledProgram,
    peakBytes: number,
    isProfiled: boolean,
  ) {
    if (isProfiled) this.profile = async () => this.#summarize();
    this.#api = api;
    this.#program = program;
    this.#compiled = compiled;
    this.#request = request;
    this.peakBytes = peakBytes;
  }

  async run(state: State, inputs: Tensors): Promise<Record<string, Tensor>> {
    if (!(state instanceof OpenVinoState)) throw new GraphError('the state belongs to another engine');
    // `infer` blocks the thread. Timers and messages get their turn between two runs.
    await nextTick();
    if (this.#isReleased) throw new GraphError('the program was disposed of');
    const temporary = new Set<View>();
    try {
      return this.#runOnce(state, inputs, temporary);
    } finally {
      for (const view of temporary) this.#api.freeTensor(view.handle);
    }
  }

  #runOnce(state: OpenVinoState, inputs: Tensors, temporary: Set<View>): Record<string, Tensor> {
    const [api, program, request] = [this.#api, this.#program, this.#request];
    const view = (tensor: Tensor): View => {
      const made = createView(api, tensor);
      temporary.add(made);
      return made;
    };
    // Indices follow the order in which the ONNX model declares inputs and outputs.
    let input = 0;
    for (const [name, spec] of program.inputs) {
      api.setInput(request, input++, view(requireSpec(inputs[name], spec, `input "${name}"`)).handle);
    }
    for (const [name, spec] of program.reads) {
      api.setInput(request, input++, state.front(name, spec).handle);
    }
    let output = 0;
    const outputs: Record<string, Tensor> = {};
    for (const [name, spec] of program.outputs) {
      const { tensor, handle } = view(emptyTensor(spec));
      api.setOutput(request, output++, handle);
      outputs[name] = tensor;
    }
    const written = new Map<string, View>();
    for (const [name, spec] of program.writes) {
      const target = state.back(name, spec) ?? view(emptyTensor(spec));
      written.set(name, target);
      api.setOutput(request, output++, target.handle);
    }
    api.infer(request);
    this.#hasRun = true;
    for (const [name, spec] of program.writes) {
      const target = written.get(name);
      if (target === undefined) continue;
      state.swap(name, spec, target);
      temporary.delete(target);
    }
    return outputs;
  }

  /** Times per kind, as the mean of all runs: OpenVINO reports no single runs. */
  #summarize(): readonly KindProfile[] {
    if (!this.#hasRun) throw new Internal('there is no run to profile');
    this.#summary ??= sumByKind(this.#api.readProfile(this.#request));
    return this.#summary;
  }

  dispose(): Promise<void> {
    if (!this.#isReleased) {
      this.#isReleased = true;
      this.#api.freeInferRequest(this.#request);
      this.#api.freeCompiledModel(this.#compiled);
    }
    return Promise.resolve();
  }
}

/** Precisions of this CPU with OpenVINO; `auto` prefers the first. */
function listPrecisions(): Precision[] {
  return hasBf16Units() ? ['bf16', 'f32'] : ['f32'];
}

/** @param cpuinfo Contents of /proc/cpuinfo; default: of this machine. */
export function probeOpenVino(
  env: Readonly<Record<string, string | undefined>> = process.env,
  cpuinfo = readCpuInfo(),
): EngineProbe {
  const name = 'openvino/cpu';
  const found = findLibrary(env);
  if (found.path === undefined) {
    const advice =
      'training on this CPU is faster with OpenVINO: `easel engines install openvino`, then start this again';
    return {
      name,
      available: false,
      reason: found.missing,
      ...(found.installable && hasBf16Units(cpuinfo) && { advice }),
    };
  }
  try {
    return { name, available: true, ...describeLibrary(found.path) };
  } catch (error) {
    if (!(error instanceof OpenVinoError)) throw error;
    return { name, available: false, reason: error.hint ? `${error.message}; ${error.hint}` : error.message };
  }
}

function describeLibrary(path: string): Omit<EngineProbe, 'name' | 'available'> {
  const api = loadOpenVino(path);
  const core = api.createCore();
  try {
    const device = api.readProperty(core, DEVICE, 'FULL_DEVICE_NAME');
    return {
      device: cpus()[0]?.model ?? device,
      version: api.version,
      threads: countThreads(),
      precisions: listPrecisions(),
    };
  } finally {
    api.freeCore(core);
  }
}

export interface OpenVinoOptions {
  /** Only equal counts give equal bytes. */
  readonly threads: number;
  /** Precision of matrix products in graphs of the model; default f32. */
  readonly precision?: Precision;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Gives executables a profile. */
  readonly profile?: boolean;
}

/**
 * @throws Unprocessable if the library is missing, or the CPU has no units for bf16.
 * @throws OpenVinoError if the library does not load.
 */
export function createOpenVinoEngine({
  threads,
  precision = 'f32',
  env = process.env,
  profile = false,
}: OpenVinoOptions): Engine {
  checkThreads(threads);
  if (!listPrecisions().includes(precision)) {
    throw new Unprocessable(`this CPU has no units for ${precision}`, { expected: 'precision f32' });
  }
  const found = findLibrary(env);
  if (found.path === undefined) throw new Unprocessable(`OpenVINO is not available here: ${found.missing}`);
  const api = loadOpenVino(found.path);
  const core = api.createCore();
  let isReleased = false;

  function compile(program: OnnxProgram): CompiledProgram {
    const model = api.readModel(core, program.bytes);
    try {
      const compiled = api.compileModel(core, model, DEVICE, {
        // passes/mixed-precision.ts casts products only. A lower hint would also lower norms and sums.
        INFERENCE_PRECISION_HINT: 'f32',
        INFERENCE_NUM_THREADS: String(threads),
        NUM_STREAMS: '1',
        // Pinning would put the threads of two processes on the same cores.
        ENABLE_CPU_PINNING: 'NO',
        PERF_COUNT: profile ? 'YES' : 'NO',
      });
      try {
        return { compiled, request: api.createInferRequest(compiled) };
      } catch (error) {
        api.freeCompiledModel(compiled);
        throw error;
      }
    } finally {
      api.freeModel(model);
    }
  }

  return {
    name: 'openvino/cpu',
    precision,
    createState(tensors) {
      const state = new OpenVinoState(api);
      state.set(tensors);
      return state;
    },
    async compile(graph: Graph) {
      await nextTick();
      const program = lowerForOpenVino(graph);
      return new OpenVinoExecutable(api, program, compile(program), peakLiveBytes(program.graph), profile);
    },
    async dispose() {
      if (isReleased) return;
      isReleased = true;
      api.freeCore(core);
    },
  };
}
