/** @file The intermediate representation: static single assignment, static shapes, named state. */
import type { OpAttrs, OpName, PrimitiveName } from './ops.ts';
import type { DType, Shape, TensorSpec } from './tensor.ts';

/** Index of a node in {@link Graph.nodes}. */
export type NodeId = number;

/** One operation with one result. Operands are positional, attributes are plain JSON. */
export interface Node<O extends OpName = OpName> {
  readonly op: O;
  readonly inputs: readonly NodeId[];
  readonly attrs: OpAttrs[O];
  readonly shape: Shape;
  readonly dtype: DType;
  /** Part of the model that emitted the node ("block 3 / mlp"), for errors and profiles. Not hashed. */
  readonly scope: string;
}

export type AnyNode = { readonly [O in OpName]: Node<O> }[OpName];

export type PrimitiveNode = { readonly [O in PrimitiveName]: Node<O> }[PrimitiveName];

/**
 * A program. Nodes are in topological order: a node's operands have smaller ids.
 * `input` and `state` nodes carry their names. `writes` maps a name of the state to its value after the run.
 */
export interface Graph<N extends AnyNode = AnyNode> {
  readonly nodes: readonly N[];
  readonly outputs: Readonly<Record<string, NodeId>>;
  readonly writes: Readonly<Record<string, NodeId>>;
}

/** Names and types of the tensors that a run is fed, in order of appearance. */
export function graphInputs(graph: Graph): Map<string, TensorSpec> {
  return namedNodes(graph, 'input');
}

/** Names and types of the state that the run reads. */
export function graphReads(graph: Graph): Map<string, TensorSpec> {
  return namedNodes(graph, 'state');
}

function namedNodes(graph: Graph, op: 'input' | 'state'): Map<string, TensorSpec> {
  const specs = new Map<string, TensorSpec>();
  for (const node of graph.nodes) {
    if (node.op === op) specs.set(node.attrs.name, { shape: node.shape, dtype: node.dtype });
  }
  return specs;
}
