/** @file The interface of a planner: the memory of a graph on an engine, without a run. */
import type { Precision } from '../../configs/engines.ts';
import type { Tuning } from './engine.ts';
import type { Graph } from './graph.ts';

export interface PlannedProgram {
  /**
   * The most bytes at any time of a run: the feeds, the state that the graph reads, all results, and what lies between.
   */
  readonly peakBytes: number;
  /** Of them, those that stay with the engine after the run, for runs of any program. Absent: none. */
  readonly sharedBytes?: number;
  /** Of them, those that stay with the program after the run. Absent: none. */
  readonly ownBytes?: number;
}

export interface Planner {
  /** `compiled`: the engine's compiler says it. `predicted`: it is computed from the way the engine plans memory. */
  readonly basis: 'compiled' | 'predicted';
  /** As the engine's own, for passes/optimize.ts. */
  readonly precision: Precision;
  readonly tuning?: Tuning;
  /** Buffers that a tensor of the state has between two runs: 2, if runs read one and write the other. */
  readonly buffersPerState: 1 | 2;
  /** True if the memory is that of the machine: checkpoints are copied in it. */
  readonly isHost?: boolean;
  /** @param graph As the engine would be given it. */
  plan(graph: Graph): Promise<PlannedProgram>;
}
