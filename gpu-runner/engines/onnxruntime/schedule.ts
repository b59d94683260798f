import type { Graph, NodeId } from '../../compiler/graph.ts';

/**
 * Sorts nodes in the order in which ONNX Runtime runs them (targets/onnx/emitter.ts, `lastFirst`): the nodes without
 * readers in order, and before each its operands, depth first, lowest id first.
 */
export function scheduleLate(graph: Graph): Graph {
  const isUsed = new Uint8Array(graph.nodes.length);
  for (const node of graph.nodes) for (const input of node.inputs) isUsed[input] = 1;
  const renamed = new Map<NodeId, NodeId>();
  const isEntered = new Uint8Array(graph.nodes.length);

  for (const root of graph.nodes.keys()) {
    if (isUsed[root]) continue;
    const stack = [root];
    for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
      if (!isEntered[id]) {
        isEntered[id] = 1;
        const inputs = graph.nodes[id]?.inputs ?? [];
        stack.push(...inputs.filter(input => !isEntered[input]).sort((a, b) => b - a));
      } else {
        stack.pop();
        if (!renamed.has(id)) renamed.set(id, renamed.size);
      }
    }
  }

  const rename = (id: NodeId) => renamed.get(id) ?? -1;
  const renameAll = (ids: Readonly<Record<string, NodeId>>) =>
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, rename(id)]));
  const nodes = [...renamed.keys()].flatMap(id => {
    const node = graph.nodes[id];
    return node ? [{ ...node, inputs: node.inputs.map(rename) }] : [];
  });
  return { nodes, outputs: renameAll(graph.outputs), writes: renameAll(graph.writes) };
}
