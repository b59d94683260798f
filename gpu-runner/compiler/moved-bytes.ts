/** @file Bytes that a graph reads and writes outside its matrix products. */
import type { Graph } from './graph.ts';
import { bytesOf, SOURCES } from './live-bytes.ts';
import type { OpName } from './ops.ts';

/** Products and convolutions, whose time is that of their operations: see {@link countFlops}. */
const PRODUCTS: ReadonlySet<OpName> = new Set<OpName>(['matmul', 'conv2d', 'attention', 'attentionGradient']);
/** Operations that read nothing: their result is the operand. */
const ALIASES: ReadonlySet<OpName> = new Set<OpName>(['reshape', 'stopGradient']);

/** Operations that read as much of an operand as their result has. */
const PARTIAL: ReadonlySet<OpName> = new Set<OpName>(['slice', 'gather']);

/**
 * Operands and results of all other operations, each as often as an operation has it. On a CPU these operations take
 * time in proportion: they wait for memory. An engine that joins operations moves less, about the same share of it in
 * all networks.
 */
export function countMovedBytes({ nodes }: Pick<Graph, 'nodes'>): number {
  let bytes = 0;
  for (const node of nodes) {
    if (SOURCES.has(node.op) || PRODUCTS.has(node.op) || ALIASES.has(node.op)) continue;
    const result = bytesOf(node);
    const most = PARTIAL.has(node.op) ? result : Number.POSITIVE_INFINITY;
    bytes += result;
    for (const id of node.inputs) bytes += Math.min(most, nodes[id] ? bytesOf(nodes[id]) : 0);
  }
  return bytes;
}
