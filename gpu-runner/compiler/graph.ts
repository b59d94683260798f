/** @file The intermediate representation: static single assignment, static shapes, named state. */
import type { OpAttrs, OpName } from './ops.ts';

export type DType = 'f32' | 'f16' | 'bf16' | 'i32' | 'bool';

/** Sizes of the axes, outermost first; [] is a scalar. */
export type Shape = readonly number[];

/** Index of a node in {@link Graph.nodes}. */
export type NodeId = number;

/** One operation with one result. Operands are positional, attributes are plain JSON. */
export interface Node<O extends OpName = OpName> {
  readonly op: O;
  readonly inputs: readonly NodeId[];
  readonly attrs: OpAttrs[O];
  readonly shape: Shape;
  readonly dtype: DType;
  /** Where in the model it comes from ("block 3 / mlp"): for errors and profiles; not part of the hash. */
  readonly scope: string;
}

export type AnyNode = { readonly [O in OpName]: Node<O> }[OpName];

/**
 * A program. Nodes are in topological order: a node's operands have smaller ids.
 * `input` and `state` nodes carry their names; `writes` says what the named state holds after the run.
 */
export interface Graph {
  readonly nodes: readonly AnyNode[];
  readonly outputs: Readonly<Record<string, NodeId>>;
  readonly writes: Readonly<Record<string, NodeId>>;
}

export interface TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Host side of a tensor: bool as 0 and 1 in bytes; f16 and bf16 as their bits. */
export type TypedArray = Float32Array | Uint16Array | Int32Array | Uint8Array;

export interface Tensor extends TensorSpec {
  readonly data: TypedArray;
}

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export const BYTES_PER_ELEMENT: Readonly<Record<DType, number>> = { f32: 4, f16: 2, bf16: 2, i32: 4, bool: 1 };

const ARRAYS = { f32: Float32Array, f16: Uint16Array, bf16: Uint16Array, i32: Int32Array, bool: Uint8Array } as const;

export function emptyTensor(spec: TensorSpec): Tensor {
  return { shape: spec.shape, dtype: spec.dtype, data: new ARRAYS[spec.dtype](sizeOf(spec.shape)) };
}

/** f32 tensor over the given numbers. */
export function tensorOf(shape: Shape, values: ArrayLike<number>): Tensor {
  return { shape, dtype: 'f32', data: Float32Array.from(values) };
}

export function formatType(spec: TensorSpec): string {
  return `${spec.dtype}[${spec.shape.join(', ')}]`;
}

/** Names and types of the run's feeds, in order of appearance. */
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
