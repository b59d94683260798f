/** @file Mixed precision as explicit casts: matrix products run in a short format, all other operations in f32. */

import type { Precision } from '../../../configs/engines.ts';
import { eliminateDeadCode } from '../dce.ts';
import type { AnyNode, Graph, NodeId } from '../graph.ts';
import type { OpRow } from '../op-rows.ts';
import { OPS, type OpName } from '../ops.ts';
import { verify } from '../verify.ts';

/** Operations that only move values. A cast may come before or after them; short values are fewer bytes to move. */
const MOVES: ReadonlySet<string> = new Set(['reshape', 'transpose', 'broadcast', 'slice']);

/** Operations that multiply matrices, with the positions of the operands that they multiply. */
const PRODUCTS: Readonly<Partial<Record<OpName, readonly number[]>>> = {
  matmul: [0, 1],
  attention: [0, 1, 2],
  attentionStats: [0, 1, 2],
  attentionGradient: [0, 1, 2, 4, 5],
};

/** True for a node that multiplies f32 matrices: its precision is the engine's. */
export function isFloat32Product(node: AnyNode, { nodes }: Pick<Graph, 'nodes'>): boolean {
  return PRODUCTS[node.op] !== undefined && nodes[node.inputs[0] ?? -1]?.dtype === 'f32';
}

/**
 * Casts the f32 operands of every matrix product to `precision` and the result back, as PyTorch's autocast does. Norms,
 * softmax, sums, accumulators and state stay f32, and so do products for which `isCast` is false. 'f32' returns the
 * graph itself. Run it after differentiation, so that the products of gradients are cast, too.
 */
export function mixPrecision(
  graph: Graph,
  precision: Precision = 'f32',
  isCast: (product: AnyNode) => boolean = () => true,
): Graph {
  if (precision === 'f32') return graph;
  const nodes: AnyNode[] = [];
  const renamed: NodeId[] = [];
  /** Node of the short value, by node of its f32 value. */
  const shortened = new Map<NodeId, NodeId>();
  /** f32 values made from short ones: they can be moved in the short format without loss. */
  const lengthened = new Set<NodeId>();
  const feedsProducts = findMovesToProducts(graph);

  const push = (node: AnyNode): NodeId => nodes.push(node) - 1;

  /** Adds a cast of a short value to f32. */
  function lengthen(id: NodeId, { shape, scope }: AnyNode): NodeId {
    const made = push({ op: 'cast', inputs: [id], attrs: { dtype: 'f32' }, shape, dtype: 'f32', scope });
    shortened.set(made, id);
    lengthened.add(made);
    return made;
  }

  /** Returns the short value of an f32 node. */
  function shorten(id: NodeId): NodeId {
    const known = shortened.get(id);
    if (known !== undefined) return known;
    const node = nodes[id];
    const { shape = [], scope = '', op, inputs: [source = -1] = [] } = node ?? {};
    let made: NodeId;
    if (op === 'cast' && nodes[source]?.dtype === precision) made = source;
    // Casts before the reshape: there an engine can fuse the cast with the computation of the value.
    else if (node?.op === 'reshape') made = push({ ...node, inputs: [shorten(source)], dtype: precision });
    else made = push({ op: 'cast', inputs: [id], attrs: { dtype: precision }, shape, dtype: precision, scope });
    shortened.set(id, made);
    return made;
  }

  for (const [id, node] of graph.nodes.entries()) {
    const inputs = node.inputs.map(input => renamed[input] ?? -1);
    const [first = -1] = inputs;
    const isShortMove = MOVES.has(node.op) && (lengthened.has(first) || feedsProducts[id] === 1);
    if (isFloat32Product(node, graph) && isCast(node)) {
      const factors = PRODUCTS[node.op] ?? [];
      const operands = inputs.map((input, index) => (factors.includes(index) ? shorten(input) : input));
      const { infer }: OpRow<unknown> = OPS[node.op] as OpRow<unknown>;
      const { dtype } = infer(
        operands.map(operand => nodes[operand] ?? node),
        node.attrs,
      );
      const made = push({ ...node, inputs: operands, dtype } as AnyNode);
      renamed.push(dtype === precision ? lengthen(made, node) : made);
    } else if (node.dtype === 'f32' && isShortMove) {
      renamed.push(lengthen(push({ ...node, inputs: inputs.map(shorten), dtype: precision } as AnyNode), node));
    } else {
      renamed.push(push({ ...node, inputs } as AnyNode));
    }
  }
  const rename = (ids: Readonly<Record<string, NodeId>>) =>
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, renamed[id] ?? -1]));
  return verify(eliminateDeadCode({ nodes, outputs: rename(graph.outputs), writes: rename(graph.writes) }));
}

/** By node: 1 if it is a move and all its readers are matrix products or such moves. */
function findMovesToProducts({ nodes, outputs, writes }: Graph): Uint8Array {
  const feeds = new Uint8Array(nodes.length).fill(1);
  for (const id of [...Object.values(outputs), ...Object.values(writes)]) feeds[id] = 0;
  for (let id = nodes.length - 1; id >= 0; id--) {
    const node = nodes[id];
    if (node === undefined) continue;
    if (!MOVES.has(node.op)) feeds[id] = 0;
    const factors = PRODUCTS[node.op];
    for (const [index, input] of node.inputs.entries()) {
      if (!factors?.includes(index) && feeds[id] !== 1) feeds[input] = 0;
    }
  }
  return feeds;
}
