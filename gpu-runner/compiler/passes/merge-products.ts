import { GraphEditor } from '../edit.ts';
import type { Graph, Node, NodeId } from '../graph.ts';

/** Wider operands already make products of a good size; joining them costs more than it saves. */
const WIDEST = 384;

type Product = Node<'matmul'>;

/**
 * Merges products for engines that are slow on narrow ones. The gradients of several projections of one value (queries,
 * keys and values) have two forms. Products with a common operand, x^T a, x^T b ..., become x^T [a | b ...], cut apart.
 * Sums of products, a v^T + b w^T ..., become [a | b ...] [v | w ...]^T. Only products of one origin in the model are
 * merged. Merging several blocks would keep all their operands alive. And recomputed products must be merged in the
 * same way as kept ones.
 */
export function mergeProducts(graph: Graph): Graph {
  const editor = new GraphEditor(graph);
  const joined = new Map<string, NodeId>();

  /** Concatenates operands; an equal list is concatenated only once. */
  function join(ids: readonly NodeId[], place: NodeId): NodeId {
    const key = ids.join();
    const made = joined.get(key) ?? editor.add('concat', ids, { axis: 1 }, place);
    joined.set(key, made);
    return made;
  }

  for (const group of siblings(graph)) {
    const [first = -1] = group;
    const last = Math.max(...group);
    const rights = group.map(id => operandOf(graph, id, 1));
    const merged = editor.add(
      'matmul',
      [operandOf(graph, first, 0), join(rights, last)],
      { transposeA: true, transposeB: false },
      last,
    );
    let start = 0;
    for (const id of group) {
      const [rows = 0, columns = 0] = editor.nodeAt(id).shape;
      const attrs = { starts: [0, start], ends: [rows, start + columns] };
      editor.replace(id, editor.add('slice', [merged], attrs, last));
      start += columns;
    }
  }
  for (const { sum, products, rest } of sumsOfProducts(graph)) {
    const lefts = products.map(id => operandOf(graph, id, 0));
    const rights = products.map(id => operandOf(graph, id, 1));
    const attrs = { transposeA: false, transposeB: true };
    const merged = editor.add('matmul', [join(lefts, sum), join(rights, sum)], attrs, sum);
    editor.replace(
      sum,
      rest.reduce((total, id) => editor.add('add', [total, id], {}, sum), merged),
    );
  }
  return editor.finish();
}

function operandOf({ nodes }: Graph, id: NodeId, index: number): NodeId {
  return nodes[id]?.inputs[index] ?? -1;
}

/** True for a two-dimensional f32 product with a narrow operand and the wanted transpositions. */
function isNarrow({ nodes }: Graph, id: NodeId, transposeA: boolean): boolean {
  const node = nodes[id];
  if (node?.op !== 'matmul' || node.shape.length !== 2 || node.dtype !== 'f32') return false;
  const { attrs } = node as Product;
  if (attrs.transposeA !== transposeA || attrs.transposeB === transposeA) return false;
  const width = nodes[node.inputs[transposeA ? 1 : 0] ?? -1]?.shape[1] ?? Number.POSITIVE_INFINITY;
  return width <= WIDEST;
}

/** Groups of at least two nodes of one origin. */
function groupByOrigin({ nodes }: Graph, ids: readonly NodeId[]): NodeId[][] {
  return [...Map.groupBy(ids, id => nodes[id]?.scope).values()].filter(group => group.length > 1);
}

/** Groups of products x^T a with the same x and origin. */
function siblings(graph: Graph): NodeId[][] {
  const products = [...graph.nodes.keys()].filter(id => isNarrow(graph, id, true));
  const byOperand = Map.groupBy(products, id => operandOf(graph, id, 0));
  return [...byOperand.values()].flatMap(group => groupByOrigin(graph, group));
}

interface SumOfProducts {
  /** The outermost addition. */
  readonly sum: NodeId;
  readonly products: readonly NodeId[];
  /** The other terms of the sum. */
  readonly rest: readonly NodeId[];
}

/** Sums with at least two products a v^T of one origin that only the sum reads. */
function sumsOfProducts(graph: Graph): SumOfProducts[] {
  const { nodes } = graph;
  const uses = countUses(graph);
  const isInner = new Set<NodeId>();
  const sums: SumOfProducts[] = [];
  for (let id = nodes.length - 1; id >= 0; id--) {
    if (nodes[id]?.op !== 'add' || isInner.has(id)) continue;
    const leaves = leavesOf(graph, id, uses, isInner);
    const isMergeable = (leaf: NodeId) => uses[leaf] === 1 && isNarrow(graph, leaf, false);
    const [products] = groupByOrigin(
      graph,
      leaves.filter(isMergeable).sort((a, b) => a - b),
    );
    if (products) sums.push({ sum: id, products, rest: leaves.filter(leaf => !products.includes(leaf)) });
  }
  return sums;
}

/** Terms of a tree of additions of equal shapes, left to right. */
function leavesOf(graph: Graph, root: NodeId, uses: Uint32Array, isInner: Set<NodeId>): NodeId[] {
  const size = graph.nodes[root]?.shape.join();
  const inputs = graph.nodes[root]?.inputs ?? [];
  return inputs.flatMap(id => {
    const node = graph.nodes[id];
    if (node?.op !== 'add' || uses[id] !== 1 || node.shape.join() !== size) return [id];
    isInner.add(id);
    return leavesOf(graph, id, uses, isInner);
  });
}

function countUses({ nodes, outputs, writes }: Graph): Uint32Array {
  const uses = new Uint32Array(nodes.length);
  for (const node of nodes) for (const input of node.inputs) uses[input]! += 1;
  for (const id of [...Object.values(outputs), ...Object.values(writes)]) uses[id]! += 1;
  return uses;
}
