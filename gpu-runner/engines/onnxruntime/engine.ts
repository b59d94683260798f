/** @file ONNX Runtime on the CPU. */
import { cpus } from 'node:os';
import { join } from 'node:path';
import type { Engine, EngineProbe, Executable, KindProfile, State, Tensors } from '../../compiler/engine.ts';
import type { Graph } from '../../compiler/graph.ts';
import { GraphError, requireSpec } from '../../compiler/shapes.ts';
import { ONNX_PREFIX } from '../../compiler/targets/onnx/emitter.ts';
import type { OnnxProgram } from '../../compiler/targets/onnx/lower.ts';
import { emptyTensor, type Tensor } from '../../compiler/tensor.ts';
import { DoubleBufferedState } from '../double-buffered-state.ts';
import { checkThreads, countThreads } from '../threads.ts';
import { CPU_TUNING, lowerForCpu } from './lowering.ts';
import { peakInArena, predictMemory, predictPeakBytes } from './memory.ts';
import { openSession } from './program-cache.ts';
import { Recording } from './recording.ts';
import { fromOrt, ort, requireResult, toOrt } from './runtime.ts';
import { SHARED_ARENA_OPTIONS, shareArena } from './shared-arena.ts';

/** State in tensors over our own typed arrays. */
class OrtState extends DoubleBufferedState<ort.Tensor> {
  constructor() {
    super({
      create: toOrt,
      read: async slots =>
        Object.fromEntries(
          [...slots].map(([name, slot]) => {
            const { shape, dtype, data } = fromOrt(slot.front, slot);
            return [name, { shape, dtype, data: data.slice() }];
          }),
        ),
      release: () => {},
    });
  }
}

class OrtExecutable implements Executable {
  readonly peakBytes: number;
  readonly profile?: () => Promise<readonly KindProfile[]>;
  readonly #recording: Recording | undefined;
  readonly #session: ort.InferenceSession;
  readonly #program: OnnxProgram;

  constructor(session: ort.InferenceSession, program: OnnxProgram, peakBytes: number, recording?: Recording) {
    if (recording) this.profile = () => recording.read();
    this.#recording = recording;
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
      feeds[`${ONNX_PREFIX.state}${name}`] = state.front(name, spec);
    }
    const fetches: Record<string, ort.Tensor | null> = {};
    for (const name of program.outputs.keys()) fetches[`${ONNX_PREFIX.output}${name}`] = null;
    for (const [name, spec] of program.writes) {
      fetches[`${ONNX_PREFIX.write}${name}`] = state.back(name, spec) ?? toOrt(emptyTensor(spec));
    }

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

  async dispose(): Promise<void> {
    await this.#session.release();
    await this.#recording?.remove();
  }
}

/**
 * The binding copies the written state once more. This frees the copy at once, without waiting for the garbage
 * collector.
 */
function release(copy: ort.Tensor | undefined): void {
  const { buffer } = (copy?.data ?? new Float32Array()) as Float32Array<ArrayBuffer>;
  buffer.transfer(0);
}

export interface OnnxRuntimeOptions {
  /** Intra-op threads. Only equal counts give equal bytes. */
  readonly threads: number;
  /** Folder that keeps optimized programs for later processes; absent: none are kept. */
  readonly cacheFolder?: string;
  /**
   * Keeps freed memory for later runs of all programs of the process; default true. False returns it to the system, and
   * takes more time.
   */
  readonly arena?: boolean;
  /** Gives executables a profile. Programs are then not kept. */
  readonly profile?: boolean;
}

/**
 * These fusions change rounding and apply only to values with one reader, so a recomputed block would differ from a
 * kept one. The fused node also gets a new id, which breaks the execution order: see `lastFirst`.
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
    threads: countThreads(),
  };
}

export function createOnnxRuntimeEngine({ threads, cacheFolder, arena = true, profile }: OnnxRuntimeOptions): Engine {
  checkThreads(threads);
  return {
    name: 'onnxruntime/cpu',
    tuning: CPU_TUNING,
    createState(tensors) {
      const state = new OrtState();
      state.set(tensors);
      return state;
    },
    async compile(graph: Graph) {
      const program = lowerForCpu(graph);
      const options: ort.InferenceSession.SessionOptions = {
        executionProviders: ['cpu'],
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        enableCpuMemArena: arena,
        // Memory patterns allocate the whole plan in addition to the arena: twice the memory, and not faster.
        enableMemPattern: false,
        extra: {
          ...(arena && shareArena() && SHARED_ARENA_OPTIONS),
          // Only training graphs write state, and only training recomputes blocks.
          ...(program.writes.size > 0 && { optimization: { disable_specified_optimizers: ROUNDING_FUSIONS } }),
        },
      };
      const peakBytes = arena ? peakInArena(predictMemory(program.graph)) : predictPeakBytes(program.graph);
      if (profile) {
        const recording = await Recording.open(program.bytes, options);
        return new OrtExecutable(recording.session, program, peakBytes, recording);
      }
      const session = await openSession(program.bytes, options, cacheFolder && join(cacheFolder, 'programs'));
      return new OrtExecutable(session, program, peakBytes);
    },
    dispose: () => Promise.resolve(),
  };
}
