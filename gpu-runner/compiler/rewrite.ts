/** @file For passes that look at one node at a time: traces a graph again, with rules in place of some nodes. */
import type { AnyNode, Graph, NodeId } from './graph.ts';
import type { OpAttrs, OpName } from './ops.ts';
import { Builder, type Value } from './trace.ts';

/** Returns the value that replaces `node`, given its operands in the new graph; undefined keeps the node. */
export type Rewrite = (node: AnyNode, operands: readonly Value[], builder: Builder) => Value | undefined;

/** Rewrites every node in order. Equal nodes become one; nodes that nothing reads are removed. */
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
