/** @file How graphs become ONNX for OpenVINO. The engine and memory plans share it, and it loads no library. */
import type { Graph, NodeId } from '../../compiler/graph.ts';
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
  const byTime = Object.entries(graph.writes).sort(([, a], [, b]) => readyAfter(graph, a) - readyAfter(graph, b));
  return { ...graph, writes: Object.fromEntries(byTime) };
}

/** The node after which a written value can be computed. Of a sum with a state tensor, it is the other operand. */
function readyAfter({ nodes }: Graph, id: NodeId): NodeId {
  const node = nodes[id];
  const computed = node?.inputs.filter(input => nodes[input]?.op !== 'state') ?? [];
  const [summand] = computed;
  return node?.op === 'add' && computed.length === 1 && summand !== undefined ? summand : id;
}
