import type { AnyNode, Graph, NodeId } from './graph.ts';

/** Keeps the nodes that outputs and writes depend on, in their order, with new ids. */
export function eliminateDeadCode(graph: Graph): Graph {
  const isLive = new Uint8Array(graph.nodes.length);
  for (const id of [...Object.values(graph.outputs), ...Object.values(graph.writes)]) isLive[id] = 1;
  for (let id = graph.nodes.length - 1; id >= 0; id--) {
    if (isLive[id]) for (const input of graph.nodes[id]?.inputs ?? []) isLive[input] = 1;
  }
  const nodes: AnyNode[] = [];
  const renamed = new Int32Array(graph.nodes.length).fill(-1);
  for (const [id, node] of graph.nodes.entries()) {
    if (!isLive[id]) continue;
    renamed[id] = nodes.push({ ...node, inputs: node.inputs.map(input => renamed[input] ?? -1) } as AnyNode) - 1;
  }
  const rename = (ids: Readonly<Record<string, NodeId>>) =>
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, renamed[id] ?? -1]));
  return { nodes, outputs: rename(graph.outputs), writes: rename(graph.writes) };
}
