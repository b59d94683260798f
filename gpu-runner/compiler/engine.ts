/** @file The interface of an engine: a device that holds named state and runs compiled graphs over it. */
import type { Precision } from '../../configs/engines.ts';
import type { Graph } from './graph.ts';
import type { Tensor } from './tensor.ts';

export type Tensors = Readonly<Record<string, Tensor>>;

/** Named tensors that live on the device; graphs read and write them. */
export interface State {
  readonly names: readonly string[];
  /** Adds or replaces tensors from the host. */
  set(tensors: Tensors): void;
  /** Copies tensors to the host; without `names`, all of them. */
  read(names?: readonly string[]): Promise<Record<string, Tensor>>;
  /** Gives a tensor another name, that no tensor has; without `to`, frees it. @throws GraphError if there is none. */
  move(from: string, to?: string): void;
  dispose(): void;
}

/** Time of all operations of one kind in a run; the engine names the kinds. */
export interface KindProfile {
  readonly kind: string;
  readonly ms: number;
  /** Number of operations in one run. */
  readonly count: number;
}

export interface Executable {
  /** Predicted peak of the bytes that state, inputs and intermediate values take. */
  readonly peakBytes: number;
  /** Runs once: reads and writes `state`, returns the graph's outputs. The caller owns the returned tensors. */
  run(state: State, inputs: Tensors): Promise<Record<string, Tensor>>;
  /**
   * Time per kind of operation, slowest first, in the fastest run so far (the mean, if the engine only reports totals).
   * The first call fixes the answer. Absent if the engine cannot profile or was not opened to.
   * @throws Internal before the first run.
   */
  profile?(): Promise<readonly KindProfile[]>;
  dispose(): Promise<void>;
}

export interface EngineProbe {
  readonly name: string;
  readonly available: boolean;
  readonly device?: string;
  readonly version?: string;
  /** Threads that `auto` would use. */
  readonly threads?: number;
  /** Precisions on this machine; `auto` prefers the first. Absent: f32 only. */
  readonly precisions?: readonly Precision[];
  /** Memory of the device; for a CPU, of this machine. Absent: not known. */
  readonly memory_bytes?: number;
  /** One line that the starting runner prints: how to make this machine faster. */
  readonly advice?: string;
  /** Why the engine, or its faster device, is not available, and how to make it available. */
  readonly reason?: string;
}

/** Optional passes of passes/optimize.ts that this engine wants. */
export interface Tuning {
  /** True if the engine is slow on products of narrow matrices: passes/merge-products.ts then joins them. */
  readonly mergesProducts?: boolean;
  /** True if the engine adds up the terms of an f16 product in f16: passes/split-products.ts then splits long ones. */
  readonly addsInF16?: boolean;
  /** True if the engine has a kernel for the composite `attention` in its precision: models then emit it. */
  readonly fusesAttention?: boolean;
  /**
   * True if `run` may be called before earlier runs have ended: the device works through them in order while the host
   * makes the next inputs. A tensor that is an input must stay as it is until its run has ended.
   */
  readonly queuesRuns?: boolean;
}

/** Bytes of a device's memory, as its allocator counts them. */
export interface EngineMemory {
  readonly inUse: number;
  readonly peakInUse?: number;
  readonly reserved?: number;
}

export interface Engine {
  readonly name: string;
  /** Precision that the engine was opened with; passes/mixed-precision.ts applies it. Absent: f32. */
  readonly precision?: Precision;
  readonly tuning?: Tuning;
  /** Undefined, or absent: the engine computes in the memory of the process, or does not know. */
  readMemory?(): EngineMemory | undefined;
  /** Watts that the device takes now. Undefined, or absent: the engine does not know. */
  readWatts?(): Promise<number | undefined>;
  createState(tensors: Tensors): State;
  compile(graph: Graph): Promise<Executable>;
  /**
   * Kernels that the engine measured as the fastest for the programs compiled so far, for a later opening; undefined if
   * it measured none. Absent: the engine does not measure.
   */
  readChoices?(): Uint8Array | undefined;
  dispose(): Promise<void>;
}
