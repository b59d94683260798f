/** @file What an engine is: a device that holds named state and runs compiled graphs over it. */
import type { Precision } from '../../configs/engines.ts';
import type { Graph } from './graph.ts';
import type { Tensor } from './tensor.ts';

export type Tensors = Readonly<Record<string, Tensor>>;

/** Named tensors that live on the device; graphs read and write them. */
export interface State {
  readonly names: readonly string[];
  /** Adds or replaces tensors from the host. */
  set(tensors: Tensors): void;
  /** Copies to the host; all of them without `names`. */
  read(names?: readonly string[]): Promise<Record<string, Tensor>>;
  dispose(): void;
}

/** Where the time of a run went: all operations of one kind, as the engine names them. */
export interface KindProfile {
  readonly kind: string;
  readonly ms: number;
  /** Operations, not runs. */
  readonly count: number;
}

export interface Executable {
  /** Bytes that the state, inputs and intermediate values need at the most, as predicted from the graph. */
  readonly peakBytes: number;
  /** Runs once: reads and writes `state`, returns the graph's outputs. The tensors returned are the caller's. */
  run(state: State, inputs: Tensors): Promise<Record<string, Tensor>>;
  /**
   * Of the runs before the first call the fastest, or their mean where the engine knows no more, the kind that took most of it first; asked
   * again, the same. Absent where the engine was not opened to profile, or cannot. @throws Internal before the first run.
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
  /** What it offers on this machine, the one that `auto` would use first; absent: f32. */
  readonly precisions?: readonly Precision[];
  /** One line for whoever starts the runner: what would make this machine faster. */
  readonly advice?: string;
  /** Why it, or what it would rather run on, is not available, and what would make it so. */
  readonly reason?: string;
}

/** What passes/optimize.ts does for an engine beyond what helps everywhere. */
export interface Tuning {
  /** It is slow on products of narrow matrices. */
  readonly mergesProducts?: boolean;
}

export interface Engine {
  readonly name: string;
  /** That it was opened with, for passes/mixed-precision.ts over the model's graphs; absent: f32. */
  readonly precision?: Precision;
  readonly tuning?: Tuning;
  createState(tensors: Tensors): State;
  compile(graph: Graph): Promise<Executable>;
  dispose(): Promise<void>;
}
