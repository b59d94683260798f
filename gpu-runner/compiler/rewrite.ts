/** @file Passes that look at one node at a time: a graph is traced again, with rules in place of some of its nodes. */
import type { AnyNode, Graph, NodeId } from './graph.ts';
import type { OpAttrs, OpName } from './ops.ts';
import { Builder, type Value } from './trace.ts';

/** What takes a node's place, given its operands in the new graph; undefined keeps the node as it is. */
export type Rewrite = (node: AnyNode, operands: readonly Value[], builder: Builder) => Value | undefined;

/** The graph with every node rewritten in order; equal nodes become one, and what nobody needs any more goes. */
export function rewriteGraph(graph: Graph, rewrite: Rewrite): Graph {
  const builder = new Builder();
  const values: Value[] = [];
  const made = (id: NodeId): Value => {
    const value = values[id];
    if (value === undefined) throw new TypeError(`node ${id} comes before its operand`);
    return value;
  };
  for (const node of graph.nodes) {
    const operands = node.inputs.map(made);
    const value = builder.scope(
      node.scope,
      () => rewrite(node, operands, builder) ?? builder.emit<OpName>(node.op, operands, node.attrs as OpAttrs[OpName]),
    );
    values.push(value);
  }
  const rename = (ids: Readonly<Record<string, NodeId>>) =>
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, made(id)]));
  return builder.finish(rename(graph.outputs), rename(graph.writes));
}
