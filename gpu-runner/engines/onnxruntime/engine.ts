/** @file ONNX Runtime on the CPU. State is double-buffered: a run reads the front tensors and writes the back ones, then they swap. */
import { availableParallelism, cpus } from 'node:os';
import * as ort from 'onnxruntime-node';
import { InvalidInput } from '../../../errors.ts';
import type { Engine, EngineProbe, Executable, State, Tensors } from '../../compiler/engine.ts';
import type { Graph } from '../../compiler/graph.ts';
import { predictPeakBytes } from '../../compiler/memory.ts';
import { GraphError, requireSpec } from '../../compiler/shapes.ts';
import { lowerToOnnx, ONNX_PREFIX, type OnnxProgram } from '../../compiler/targets/onnx/lower.ts';
import { type DType, emptyTensor, type Tensor, type TensorSpec } from '../../compiler/tensor.ts';

const ORT_TYPES: Readonly<Partial<Record<DType, 'float32' | 'float16' | 'int32' | 'bool'>>> = {
  f32: 'float32',
  f16: 'float16',
  i32: 'int32',
  bool: 'bool',
};

function toOrt(tensor: Tensor): ort.Tensor {
  const type = ORT_TYPES[tensor.dtype];
  if (type === undefined)
    throw new GraphError(`${tensor.dtype} cannot cross into ONNX Runtime: cast it inside the graph`);
  return new ort.Tensor(type, tensor.data as Float32Array, tensor.shape);
}

function allocate(spec: TensorSpec): ort.Tensor {
  return toOrt(emptyTensor(spec));
}

function fromOrt(tensor: ort.Tensor, spec: TensorSpec): Tensor {
  return { shape: spec.shape, dtype: spec.dtype, data: tensor.data as Tensor['data'] };
}

interface Slot extends TensorSpec {
  front: ort.Tensor;
  back?: ort.Tensor;
}

class OrtState implements State {
  readonly slots = new Map<string, Slot>();

  get names(): readonly string[] {
    return [...this.slots.keys()];
  }

  set(tensors: Tensors): void {
    for (const [name, tensor] of Object.entries(tensors)) {
      const copy = { ...tensor, data: tensor.data.slice() };
      this.slots.set(name, { shape: tensor.shape, dtype: tensor.dtype, front: toOrt(copy) });
    }
  }

  read(names = this.names): Promise<Record<string, Tensor>> {
    const tensors: Record<string, Tensor> = {};
    for (const name of names) {
      const slot = this.slots.get(name);
      if (slot === undefined) throw new GraphError(`there is no state named "${name}"`);
      const { data } = fromOrt(slot.front, slot);
      tensors[name] = { shape: slot.shape, dtype: slot.dtype, data: data.slice() };
    }
    return Promise.resolve(tensors);
  }

  /** Where the run writes: the back buffer, made when it is first needed. */
  target(name: string, spec: TensorSpec): ort.Tensor {
    const slot = this.slots.get(name);
    if (slot === undefined) return allocate(spec);
    slot.back ??= allocate(spec);
    return slot.back;
  }

  swap(name: string, spec: TensorSpec, written: ort.Tensor): void {
    const slot = this.slots.get(name);
    if (slot === undefined) {
      this.slots.set(name, { ...spec, front: written });
    } else {
      slot.back = slot.front;
      slot.front = written;
    }
  }

  dispose(): void {
    this.slots.clear();
  }
}

class OrtExecutable implements Executable {
  readonly peakBytes: number;
  readonly #session: ort.InferenceSession;
  readonly #program: OnnxProgram;

  constructor(session: ort.InferenceSession, program: OnnxProgram, peakBytes: number) {
    this.#session = session;
    this.#program = program;
    this.peakBytes = peakBytes;
  }

  async run(state: State, inputs: Tensors): Promise<Record<string, Tensor>> {
    if (!(state instanceof OrtState)) throw new GraphError('the state belongs to another engine');
    const program = this.#program;
    const feeds: Record<string, ort.Tensor> = {};
    for (const [name, spec] of program.inputs) {
      feeds[`${ONNX_PREFIX.input}${name}`] = toOrt(requireSpec(inputs[name], spec, `input "${name}"`));
    }
    for (const [name, spec] of program.reads) {
      const slot = requireSpec(state.slots.get(name), spec, `state "${name}"`);
      feeds[`${ONNX_PREFIX.state}${name}`] = slot.front;
    }
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const name of program.outputs.keys()) fetches[`${ONNX_PREFIX.output}${name}`] = null;
    for (const [name, spec] of program.writes) fetches[`${ONNX_PREFIX.write}${name}`] = state.target(name, spec);

    const results = await this.#session.run(feeds, fetches);

    for (const [name, spec] of program.writes) {
      state.swap(name, spec, requireResult(fetches[`${ONNX_PREFIX.write}${name}`], name));
    }
    const outputs: Record<string, Tensor> = {};
    for (const name of program.writes.keys()) release(results[`${ONNX_PREFIX.write}${name}`]);
    for (const [name, spec] of program.outputs) {
      outputs[name] = fromOrt(requireResult(results[`${ONNX_PREFIX.output}${name}`], name), spec);
    }
    return outputs;
  }

  dispose(): Promise<void> {
    return this.#session.release();
  }
}

/** The binding copies what a run wrote into our tensors once more; that copy is given back here, not when garbage is collected. */
function release(copy: ort.Tensor | undefined): void {
  const { buffer } = (copy?.data ?? new Float32Array()) as Float32Array<ArrayBuffer>;
  buffer.transfer(0);
}

function requireResult<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) throw new GraphError(`the run returned no "${name}"`);
  return value;
}

export interface OnnxRuntimeOptions {
  /** Intra-op threads; byte equality is promised at an equal count only. */
  readonly threads: number;
  /** Keep freed memory for the next allocation; default true. False takes no more than `peakBytes` and more time. */
  readonly arena?: boolean;
}

/**
 * They round otherwise than what they replace, and apply where nothing else uses what is in between: a block that is computed again in the
 * backward pass would differ in bits from one that is kept. What they make has a new number, too, and runs out of turn: see `lastFirst`.
 */
const ROUNDING_FUSIONS = [
  'MatMulAddFusion',
  'MatMulScaleFusion',
  'QuickGeluFusion',
  'FastGeluFusion',
  'BiasGeluFusion',
  'GeluFusionL1',
  'GeluFusionL2',
  'LayerNormFusionL1',
  'LayerNormFusionL2',
  'SimplifiedLayerNormFusion',
].join(';');

export function probeOnnxRuntime(): EngineProbe {
  return {
    name: 'onnxruntime/cpu',
    available: true,
    device: cpus()[0]?.model ?? 'CPU',
    version: ort.env.versions.node ?? ort.env.versions.common,
    threads: availableParallelism(),
  };
}

export function createOnnxRuntimeEngine({ threads, arena = true }: OnnxRuntimeOptions): Engine {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new InvalidInput(`${threads} threads make no engine`, { expected: 'a whole number of at least 1' });
  }
  return {
    name: 'onnxruntime/cpu',
    createState(tensors) {
      const state = new OrtState();
      state.set(tensors);
      return state;
    },
    async compile(graph: Graph) {
      const program = lowerToOnnx(graph, { fusedMatMul: true, lastFirst: true });
      const session = await ort.InferenceSession.create(program.bytes, {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        enableCpuMemArena: arena,
        // Patterns allocate the whole plan beside what the arena holds already: twice the memory, and no faster.
        enableMemPattern: false,
        // A graph that writes state trains.
        ...(program.writes.size > 0 && {
          extra: { optimization: { disable_specified_optimizers: ROUNDING_FUSIONS } },
        }),
      });
      return new OrtExecutable(session, program, predictPeakBytes(graph));
    },
    dispose: () => Promise.resolve(),
  };
}
