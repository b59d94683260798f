/** @file For passes that move operations: they add and replace nodes in any order; `finish` sorts the graph. */

import { eliminateDeadCode } from './dce.ts';
import type { AnyNode, Graph, NodeId } from './graph.ts';
import { OPS, type OpAttrs, type OpName } from './ops.ts';

/** A graph under change. An original node keeps its place in the order; a new node takes the place of a given one. */
export class GraphEditor {
  readonly #nodes: AnyNode[];
  readonly #places: number[];
  readonly #replaced = new Map<NodeId, NodeId>();
  readonly #graph: Graph;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#nodes = [...graph.nodes];
    this.#places = graph.nodes.map((_, id) => id);
  }

  nodeAt(id: NodeId): AnyNode {
    const node = this.#nodes[id];
    if (node === undefined) throw new TypeError(`node ${id} does not exist`);
    return node;
  }

  /** Adds a node at the place of `place`, a node of the original graph. @throws GraphError if operands do not fit. */
  add<O extends OpName>(op: O, inputs: readonly NodeId[], attrs: OpAttrs[O], place: NodeId): NodeId {
    const spec = OPS[op].infer(
      inputs.map(input => this.nodeAt(input)),
      attrs,
    );
    this.#places.push(this.#places[place] ?? place);
    const { scope } = this.nodeAt(place);
    return this.#nodes.push({ op, inputs, attrs, shape: spec.shape, dtype: spec.dtype, scope } as AnyNode) - 1;
  }

  /** Makes all readers of `id` read `by`. */
  replace(id: NodeId, by: NodeId): void {
    this.#replaced.set(id, by);
  }

  /** The graph in order of place, operands first, without unread nodes. */
  finish(): Graph {
    const current = (id: NodeId): NodeId => {
      const next = this.#replaced.get(id);
      return next === undefined ? id : current(next);
    };
    const renamed = new Map<NodeId, NodeId>();
    const nodes: AnyNode[] = [];
    const place = (id: NodeId): NodeId => {
      const known = renamed.get(id);
      if (known !== undefined) return known;
      const node = this.nodeAt(id);
      const inputs = node.inputs.map(input => place(current(input)));
      const made = nodes.push({ ...node, inputs } as AnyNode) - 1;
      renamed.set(id, made);
      return made;
    };
    const order = this.#nodes.map((_, id) => id).filter(id => !this.#replaced.has(id));
    for (const id of order.sort((a, b) => (this.#places[a] ?? 0) - (this.#places[b] ?? 0) || a - b)) place(id);
    const rename = (ids: Readonly<Record<string, NodeId>>) =>
      Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, place(current(id))]));
    const { outputs, writes } = this.#graph;
    return eliminateDeadCode({ nodes, outputs: rename(outputs), writes: rename(writes) });
  }
}
