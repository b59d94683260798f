/** @file Sums of squares, for which ONNX has an operator. */
import type { AnyNode, Graph } from '../../graph.ts';

/** What a sum of squares is over, when that is what the node is: ONNX has an operator for it. */
export function squareRoot(graph: Graph, node: AnyNode): number | undefined {
  const x = node.op === 'reduceSum' ? graph.nodes[node.inputs[0] ?? -1] : undefined;
  return x?.op === 'mul' && x.inputs[0] === x.inputs[1] ? x.inputs[0] : undefined;
}

/** Ids of nodes of which an operator is made: squares that are only summed need none. */
export function loweredNodes(graph: Graph): ReadonlySet<number> {
  const needed = new Set([...Object.values(graph.outputs), ...Object.values(graph.writes)]);
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id];
    if (node === undefined || !needed.has(id)) continue;
    const root = squareRoot(graph, node);
    for (const input of root === undefined ? node.inputs : [root]) needed.add(input);
  }
  return needed;
}
