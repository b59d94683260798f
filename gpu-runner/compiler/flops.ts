/** @file Work of a graph. */
import type { Graph } from './graph.ts';
import { type Shape, sizeOf } from './tensor.ts';

/**
 * Products of the backward pass of attention, by the gradient that needs them. Scores that a kernel computes again do
 * not count: the operations are those of the model.
 */
const GRADIENT_PRODUCTS = { query: 2, key: 1, value: 1, bias: 0 } as const;

/** One product of attention: [batch, heads, queries, dim] by `keys` [batch, heads, keys, dim]. */
function productFlops({ shape }: { readonly shape: Shape }, keys: Shape | undefined): number {
  return 2 * sizeOf(shape) * (keys?.[2] ?? 0);
}

/** Floating-point operations of all matrix products and convolutions: two per multiply-add. */
export function countFlops({ nodes }: Pick<Graph, 'nodes'>): number {
  let flops = 0;
  for (const node of nodes) {
    const [first, second] = node.inputs.map(id => nodes[id]?.shape ?? []);
    if (node.op === 'matmul') {
      const inner = first?.at(node.attrs.transposeA ? -2 : -1) ?? 0;
      flops += 2 * sizeOf(node.shape) * inner;
    } else if (node.op === 'attention') {
      flops += 2 * productFlops(node, second);
    } else if (node.op === 'attentionGradient') {
      flops += GRADIENT_PRODUCTS[node.attrs.of] * productFlops({ shape: first ?? [] }, second);
    } else if (node.op === 'conv2d') {
      // The weights are [outputs, channels of a group, height, width].
      flops += 2 * sizeOf(node.shape) * sizeOf(second?.slice(1) ?? []);
    }
  }
  return flops;
}
