/** @file How graphs become ONNX for OpenVINO. The engine and memory plans share it, and it loads no library. */
import type { Graph } from '../../compiler/graph.ts';
import { lowerToOnnx, type OnnxProgram } from '../../compiler/targets/onnx/lower.ts';
import { transposeConstants } from './transpose-constants.ts';

export function lowerForOpenVino(graph: Graph): OnnxProgram {
  return lowerToOnnx(orderWrites(transposeConstants(graph)), { fusedMatMul: false, gemm: false });
}

/**
 * The graph with the writes that are ready first at the front. Of two readers of a value, OpenVINO first runs the one
 * that an earlier result needs. With the gradients of the first layers at the front, it would put off those of the
 * other weights to the end. The values of all layers would be kept until then, recomputed ones, too.
 */
function orderWrites(graph: Graph): Graph {
  return { ...graph, writes: Object.fromEntries(Object.entries(graph.writes).sort(([, a], [, b]) => a - b)) };
}
