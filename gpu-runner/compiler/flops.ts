/** @file Work of a graph. */
import type { Graph } from './graph.ts';
import { sizeOf } from './tensor.ts';

/** Floating-point operations of all matrix products and convolutions: two per multiply-add. */
export function countFlops({ nodes }: Pick<Graph, 'nodes'>): number {
  let flops = 0;
  for (const node of nodes) {
    const [first, second] = node.inputs.map(id => nodes[id]?.shape ?? []);
    if (node.op === 'matmul') {
      const inner = first?.at(node.attrs.transposeA ? -2 : -1) ?? 0;
      flops += 2 * sizeOf(node.shape) * inner;
    } else if (node.op === 'conv2d') {
      // The weights are [outputs, channels of a group, height, width].
      flops += 2 * sizeOf(node.shape) * sizeOf(second?.slice(1) ?? []);
    }
  }
  return flops;
}
