import { eliminateDeadCode } from '../../compiler/dce.ts';
import type { AnyNode, Graph, NodeId } from '../../compiler/graph.ts';
import { verify } from '../../compiler/verify.ts';

/**
 * Transposes literals at compile time that a matrix product would transpose at every run. This also avoids wrong
 * results: OpenVINO 2026.4 packs a square literal once and uses these bytes both for the plain and for the transposed
 * product.
 */
export function transposeConstants(graph: Graph): Graph {
  const nodes: AnyNode[] = [];
  const renamed: NodeId[] = [];
  const transposed = new Map<NodeId, NodeId>();
  const push = (node: AnyNode): NodeId => nodes.push(node) - 1;

  /** Id of the transposed literal; undefined if the node is not a literal. */
  function turn(id: NodeId): NodeId | undefined {
    const node = nodes[id];
    const known = transposed.get(id);
    if (known !== undefined) return known;
    if (node?.op === 'cast') return turnCast(node, id);
    if (node?.op !== 'constant') return undefined;
    const [rows = 1, columns = 1] = node.shape.slice(-2);
    const shape = [...node.shape.slice(0, -2), columns, rows];
    const made = push({
      ...node,
      shape,
      attrs: { ...node.attrs, shape, values: turnValues(node.attrs.values, rows, columns) },
    });
    transposed.set(id, made);
    return made;
  }

  /** Transposes a cast of a literal (mixed precision makes such casts). */
  function turnCast(node: AnyNode, id: NodeId): NodeId | undefined {
    const source = turn(node.inputs[0] ?? -1);
    if (source === undefined) return undefined;
    const made = push({ ...node, inputs: [source], shape: nodes[source]?.shape ?? [] });
    transposed.set(id, made);
    return made;
  }

  for (const node of graph.nodes) {
    const inputs = node.inputs.map(input => renamed[input] ?? -1);
    if (node.op !== 'matmul') {
      renamed.push(push({ ...node, inputs }));
      continue;
    }
    const [a = -1, b = -1] = inputs;
    const [turnedA, turnedB] = [
      node.attrs.transposeA ? turn(a) : undefined,
      node.attrs.transposeB ? turn(b) : undefined,
    ];
    const attrs = {
      transposeA: node.attrs.transposeA && turnedA === undefined,
      transposeB: node.attrs.transposeB && turnedB === undefined,
    };
    renamed.push(push({ ...node, attrs, inputs: [turnedA ?? a, turnedB ?? b] }));
  }
  const rename = (ids: Readonly<Record<string, NodeId>>) =>
    Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, renamed[id] ?? -1]));
  return verify(eliminateDeadCode({ nodes, outputs: rename(graph.outputs), writes: rename(graph.writes) }));
}

/** Transposes row-major matrices, one after the other. A single value that fills the shape stays. */
function turnValues(values: readonly number[], rows: number, columns: number): readonly number[] {
  if (values.length === 1) return values;
  const area = rows * columns;
  return values.map((_, i) => {
    const [matrix, place] = [Math.floor(i / area), i % area];
    return values[matrix * area + (place % rows) * columns + Math.floor(place / rows)] ?? 0;
  });
}
