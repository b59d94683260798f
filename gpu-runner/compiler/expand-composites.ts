import { EXPANSIONS } from './expansions.ts';
import type { AnyNode, Graph, PrimitiveNode } from './graph.ts';
import type { CompositeName, OpAttrs } from './ops.ts';
import { rewriteGraph } from './rewrite.ts';
import type { Value } from './trace.ts';

export type CompositeNode = Exclude<AnyNode, PrimitiveNode>;

function isComposite(node: AnyNode): node is CompositeNode {
  return Object.hasOwn(EXPANSIONS, node.op);
}

/** Replaces composites by primitives. Returns the same graph if it has no composite. */
export function expandComposites(graph: Graph): Graph<PrimitiveNode>;
/** Replaces composites by primitives, except those that the target has a kernel for (`isKept`). */
export function expandComposites(graph: Graph, isKept: (node: CompositeNode) => boolean): Graph;
export function expandComposites(graph: Graph, isKept: (node: CompositeNode) => boolean = () => false): Graph {
  const isExpanded = (node: AnyNode): node is CompositeNode => isComposite(node) && !isKept(node);
  if (!graph.nodes.some(isExpanded)) return graph;
  return rewriteGraph(graph, (node, operands) => {
    if (!isExpanded(node)) return undefined;
    const expand = EXPANSIONS[node.op] as (operands: readonly Value[], attrs: OpAttrs[CompositeName]) => Value;
    return expand(operands, node.attrs);
  });
}
