/** @file Predicts the memory of a program from the way OpenVINO's CPU plugin plans it. */
import type { Graph } from '../../compiler/graph.ts';
import { peakLiveBytes, residentBytes } from '../../compiler/live-bytes.ts';

/**
 * Bytes of the block in which a program keeps its values, by their peak in the order of the nodes. Set from
 * measurements of gradients of three networks, in f32 and bf16, with and without gradient checkpointing. For the
 * gradients of `demo` with it, of first and later micro-batches, it is 1.10 to 1.11 in f32 and 1.03 in bf16.
 */
const BLOCK_SHARE = 1.1;
/** Kernels, tables and literals of a program, per node. Set from measurements of graphs of 2,000 to 6,600 nodes. */
const NODE_BYTES = 64 * 1024;

/** Bytes that a program keeps from its first run to its end. Inputs, outputs and state are not of them. */
export interface ProgramMemory {
  readonly valueBytes: number;
  readonly kernelBytes: number;
}

/** @param graph As lowering.ts makes it. */
export function predictMemory(graph: Graph): ProgramMemory {
  return {
    valueBytes: Math.round(BLOCK_SHARE * (peakLiveBytes(graph) - residentBytes(graph))),
    kernelBytes: graph.nodes.length * NODE_BYTES,
  };
}
