/** @file Splits long products for engines that add up the terms of an f16 product in f16. */
import { GraphEditor } from '../edit.ts';
import type { Graph, Node, NodeId } from '../graph.ts';
import type { Shape } from '../tensor.ts';
import { verify } from '../verify.ts';

/**
 * Most terms that are added up in f16. A sum of ones stops at 2,048 there, since f16 has 11 significant bits. Measured
 * with onnxruntime/webgpu on random operands, relative to f32 (l2): 1,024 terms 4.7e-3, 16,384 terms 1.6e-2.
 */
const MOST_TERMS = 1024;

/**
 * Replaces each f16 product of more than `mostTerms` terms by products of equal parts, whose f32 sum it is. The parts
 * are one batched product. A last part that is too short is padded with zeros.
 */
export function splitLongProducts(graph: Graph, mostTerms = MOST_TERMS): Graph {
  const editor = new GraphEditor(graph);
  let isChanged = false;
  const sums = new Map<NodeId, NodeId>();
  for (const [id, node] of graph.nodes.entries()) {
    if (node.op === 'cast' && node.dtype === 'f32') {
      const sum = sums.get(node.inputs[0] ?? -1);
      // The sum may be too large for f16.
      if (sum !== undefined) editor.replace(id, sum);
    }
    if (node.op !== 'matmul' || node.dtype !== 'f16' || countTerms(graph, node) <= mostTerms) continue;
    const sum = splitProduct(editor, id, node, mostTerms);
    sums.set(id, sum);
    editor.replace(id, editor.add('cast', [sum], { dtype: 'f16' }, id));
    isChanged = true;
  }
  return isChanged ? verify(editor.finish()) : graph;
}

/** Length of the axis that a product sums over. */
export function countTerms({ nodes }: Pick<Graph, 'nodes'>, { inputs, attrs }: Node<'matmul'>): number {
  return nodes[inputs[0] ?? -1]?.shape.at(attrs.transposeA ? -2 : -1) ?? 0;
}

/** Adds the sum of the parts of a product: f32, of the product's shape. */
function splitProduct(editor: GraphEditor, id: NodeId, node: Node<'matmul'>, mostTerms: number): NodeId {
  const [left = -1, right = -1] = node.inputs;
  const { transposeA, transposeB } = node.attrs;
  const parts = Math.ceil((editor.nodeAt(left).shape.at(transposeA ? -2 : -1) ?? 0) / mostTerms);
  const operands = [cutOperand(editor, left, transposeA, parts, id), cutOperand(editor, right, !transposeB, parts, id)];
  const products = editor.add('matmul', operands, node.attrs, id);
  const exact = editor.add('cast', [products], { dtype: 'f32' }, id);
  const sum = editor.add('reduceSum', [exact], { axes: [node.shape.length - 2] }, id);
  return editor.add('reshape', [sum], { shape: node.shape }, id);
}

/**
 * [..., rows, terms] to [..., parts, rows, length of a part].
 * @param isLeading True if the axis of terms comes before that of rows.
 */
function cutOperand(editor: GraphEditor, id: NodeId, isLeading: boolean, parts: number, place: NodeId): NodeId {
  const { shape } = editor.nodeAt(id);
  const axis = shape.length - (isLeading ? 2 : 1);
  const terms = shape[axis] ?? 0;
  const length = Math.ceil(terms / parts);
  const rest = parts * length - terms;
  const padding = shape.map((_, each) => (each === axis ? rest : 0));
  const padded = rest === 0 ? id : editor.add('pad', [id], { before: shape.map(() => 0), after: padding }, place);
  const cut: Shape = [...shape.slice(0, axis), parts, length, ...shape.slice(axis + 1)];
  const reshaped = editor.add('reshape', [padded], { shape: cut }, place);
  if (isLeading) return reshaped;
  const perm = cut.map((_, each) => (each === axis - 1 ? axis : each === axis ? axis - 1 : each));
  return editor.add('transpose', [reshaped], { perm }, place);
}
