import type { AnyNode, Graph } from './graph.ts';
import { BYTES_PER_ELEMENT, sizeOf } from './tensor.ts';

/** Nodes whose result shares its operand's memory in every engine. */
const ALIASES: ReadonlySet<string> = new Set(['reshape', 'stopGradient']);

export function bytesOf(node: AnyNode): number {
  return sizeOf(node.shape) * BYTES_PER_ELEMENT[node.dtype];
}

/**
 * Bytes alive at the worst moment when nodes run in order and a value is freed after its last use: inputs, state, both buffers of written
 * state, and intermediate values.
 */
export function predictPeakBytes(graph: Graph): number {
  const storage = graph.nodes.map((_, id) => id);
  for (const [id, node] of graph.nodes.entries()) {
    const operand = node.inputs[0];
    if (ALIASES.has(node.op) && operand !== undefined) storage[id] = storage[operand] ?? operand;
  }
  const lastUse = new Map<number, number>();
  for (const [id, node] of graph.nodes.entries()) {
    for (const input of node.inputs) lastUse.set(storage[input] ?? input, id);
  }
  const kept = new Set([...Object.values(graph.outputs), ...Object.values(graph.writes)].map(id => storage[id] ?? id));
  const freedAt = new Map<number, number>();
  let live = 0;
  let peak = 0;
  for (const [id, node] of graph.nodes.entries()) {
    const isSource = node.op === 'input' || node.op === 'state' || node.op === 'constant';
    if (storage[id] === id) {
      live += bytesOf(node);
      const last = lastUse.get(id);
      if (!isSource && !kept.has(id) && last !== undefined) freedAt.set(last, (freedAt.get(last) ?? 0) + bytesOf(node));
    }
    peak = Math.max(peak, live);
    live -= freedAt.get(id) ?? 0;
  }
  return peak;
}
