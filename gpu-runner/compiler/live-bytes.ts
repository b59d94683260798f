/** @file Memory that the values of a graph need on any engine. */
import type { Graph, NodeId } from './graph.ts';
import type { OpName } from './ops.ts';
import { BYTES_PER_ELEMENT, sizeOf, type TensorSpec } from './tensor.ts';

/** Nodes whose value exists for the whole run. */
export const SOURCES: ReadonlySet<OpName> = new Set<OpName>(['input', 'state', 'constant']);

export function bytesOf(spec: TensorSpec): number {
  return sizeOf(spec.shape) * BYTES_PER_ELEMENT[spec.dtype];
}

/** Bytes that exist for the whole run: feeds, literals, and state, with a second buffer for each written tensor. */
export function residentBytes(graph: Graph): number {
  let bytes = 0;
  const read = new Set<string>();
  for (const node of graph.nodes) {
    if (SOURCES.has(node.op)) bytes += bytesOf(node);
    if (node.op === 'state') read.add(node.attrs.name);
  }
  for (const [name, id] of Object.entries(graph.writes)) {
    const node = graph.nodes[id];
    if (node) bytes += bytesOf(node) * (read.has(name) ? 1 : 2);
  }
  return bytes;
}

/**
 * Peak bytes of all values when nodes run in their order and each value is freed after its last reader. An engine that
 * reorders or fuses nodes needs a different amount, and its allocator adds overhead.
 */
export function peakLiveBytes(graph: Graph): number {
  const { nodes, outputs, writes } = graph;
  const written = new Set(Object.values(writes));
  const kept = new Set([...Object.values(outputs), ...written]);
  const lastUse = nodes.map((_, id) => id);
  for (const [id, node] of nodes.entries()) for (const operand of node.inputs) lastUse[operand] = id;
  const freed = new Float64Array(nodes.length);
  const isIntermediate = (id: NodeId) => !SOURCES.has(nodes[id]?.op ?? 'input') && !written.has(id);
  for (const [id, node] of nodes.entries()) {
    const last = lastUse[id] ?? id;
    if (isIntermediate(id) && !kept.has(id)) freed[last] = (freed[last] ?? 0) + bytesOf(node);
  }
  let live = residentBytes(graph);
  let peak = live;
  for (const [id, node] of nodes.entries()) {
    if (isIntermediate(id)) live += bytesOf(node);
    peak = Math.max(peak, live);
    live -= freed[id] ?? 0;
  }
  return peak;
}
