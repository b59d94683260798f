/** @file Mixed precision as explicit casts: matrix products in a short format, everything else as it was. */
import type { Precision } from '../engine.ts';
import type { AnyNode, Graph, NodeId } from '../graph.ts';
import { verify } from '../verify.ts';
import { eliminateDeadCode } from './dce.ts';

/** They move values and do not change them: casting before or after is the same, and before is fewer bytes. */
const MOVES: ReadonlySet<string> = new Set(['reshape', 'transpose', 'broadcast', 'slice']);

/**
 * Casts the f32 operands of every matrix product to `precision` and its result back, as PyTorch's autocast does; norms, softmax, sums,
 * accumulators and state stay f32. 'f32' returns the graph itself. Run it after differentiation, so that gradients' products are cast, too.
 */
export function mixPrecision(graph: Graph, precision: Precision = 'f32'): Graph {
  if (precision === 'f32') return graph;
  const nodes: AnyNode[] = [];
  const renamed: NodeId[] = [];
  const shortened = new Map<NodeId, NodeId>();

  const push = (node: AnyNode): NodeId => nodes.push(node) - 1;

  /** The operand of the cast or move that made a node. */
  function sourceOf(id: NodeId): NodeId | undefined {
    const node = nodes[id];
    return node && (node.op === 'cast' || MOVES.has(node.op)) ? node.inputs[0] : undefined;
  }

  /** Whether nothing but moves lies between the node and a cast from the short format. */
  function wasShort(id: NodeId): boolean {
    const source = sourceOf(id);
    if (source === undefined) return false;
    return nodes[id]?.op === 'cast' ? nodes[source]?.dtype === precision : wasShort(source);
  }

  /** The value of an f32 node in the short format. */
  function shorten(id: NodeId): NodeId {
    const known = shortened.get(id);
    if (known !== undefined) return known;
    const node = nodes[id];
    const source = sourceOf(id);
    let made: NodeId;
    if (node === undefined || source === undefined || !wasShort(id)) {
      const { shape = [], scope = '' } = node ?? {};
      made = push({ op: 'cast', inputs: [id], attrs: { dtype: precision }, shape, dtype: precision, scope });
    } else if (node.op === 'cast') {
      made = source;
    } else {
      made = push({ ...node, inputs: [shorten(source)], dtype: precision });
    }
    shortened.set(id, made);
    return made;
  }

  for (const node of graph.nodes) {
    const inputs = node.inputs.map(input => renamed[input] ?? -1);
    if (node.op !== 'matmul' || node.dtype !== 'f32') {
      renamed.push(push({ ...node, inputs }));
      continue;
    }
    const product = push({ ...node, inputs: inputs.map(shorten), dtype: precision });
    const { shape, scope } = node;
    renamed.push(push({ op: 'cast', inputs: [product], attrs: { dtype: 'f32' }, shape, dtype: 'f32', scope }));
  }
  const rename = (ids: Readonly<Record<string, NodeId>>) =>
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, renamed[id] ?? -1]));
  return verify(eliminateDeadCode({ nodes, outputs: rename(graph.outputs), writes: rename(graph.writes) }));
}
