/** @file Sums of squares: ONNX has the operator ReduceSumSquare. */
import type { AnyNode, Graph } from '../../graph.ts';

/** If the node is reduceSum(x * x), returns the id of x. */
export function findSquared(graph: Graph, node: AnyNode): number | undefined {
  const x = node.op === 'reduceSum' ? graph.nodes[node.inputs[0] ?? -1] : undefined;
  return x?.op === 'mul' && x.inputs[0] === x.inputs[1] ? x.inputs[0] : undefined;
}

/** Ids of the nodes that become operators. A square that is only summed becomes part of ReduceSumSquare. */
export function loweredNodes(graph: Graph): ReadonlySet<number> {
  const needed = new Set([...Object.values(graph.outputs), ...Object.values(graph.writes)]);
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id];
    if (node === undefined || !needed.has(id)) continue;
    const squared = findSquared(graph, node);
    for (const input of squared === undefined ? node.inputs : [squared]) needed.add(input);
  }
  return needed;
}
