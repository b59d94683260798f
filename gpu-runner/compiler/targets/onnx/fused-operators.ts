/** @file Several operations that ONNX has as one operator: sums of squares, and values kept between two literals. */
import type { AnyNode, Graph } from '../../graph.ts';

/** If the node is reduceSum(x * x), returns the id of x: ONNX has ReduceSumSquare. */
export function findSquared(graph: Graph, node: AnyNode): number | undefined {
  const x = node.op === 'reduceSum' ? graph.nodes[node.inputs[0] ?? -1] : undefined;
  return x?.op === 'mul' && x.inputs[0] === x.inputs[1] ? x.inputs[0] : undefined;
}

/**
 * If the node is min(max(x, lower), upper) with literal scalars, returns the ids of x, lower and upper: ONNX has Clip,
 * which engines join with the convolution before it.
 */
export function findClipped({ nodes }: Graph, node: AnyNode): readonly [number, number, number] | undefined {
  if (node.op !== 'min') return undefined;
  const [inner = -1, upper = -1] = node.inputs;
  const bounded = nodes[inner];
  if (bounded?.op !== 'max') return undefined;
  const [x = -1, lower = -1] = bounded.inputs;
  return isScalar(nodes[lower]) && isScalar(nodes[upper]) ? [x, lower, upper] : undefined;
}

function isScalar(node: AnyNode | undefined): boolean {
  return node?.op === 'constant' && node.shape.length === 0;
}

/** Ids of the nodes that become operators. A node that is only part of a fused operator becomes none. */
export function loweredNodes(graph: Graph): ReadonlySet<number> {
  const needed = new Set([...Object.values(graph.outputs), ...Object.values(graph.writes)]);
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    const node = graph.nodes[id];
    if (node === undefined || !needed.has(id)) continue;
    const squared = findSquared(graph, node);
    const operands = squared === undefined ? (findClipped(graph, node) ?? node.inputs) : [squared];
    for (const input of operands) needed.add(input);
  }
  return needed;
}
