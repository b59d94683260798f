/** @file Tracing: runs a TypeScript function on symbolic values and records its operations as a graph. */

import { eliminateDeadCode } from './dce.ts';
import type { AnyNode, Graph, Node, NodeId } from './graph.ts';
import type { OpRow } from './op-rows.ts';
import { OPS, type OpAttrs, type OpName } from './ops.ts';
import { encodeAttrs } from './print.ts';
import { GraphError } from './shapes.ts';
import { type DType, formatType, type Shape, type TensorSpec } from './tensor.ts';

/** A tensor that does not exist yet: a node of the graph under construction. */
export class Value implements TensorSpec {
  readonly builder: Builder;
  readonly id: NodeId;

  constructor(builder: Builder, id: NodeId) {
    this.builder = builder;
    this.id = id;
  }

  get node(): AnyNode {
    return this.builder.nodeAt(this.id);
  }
  get shape(): Shape {
    return this.node.shape;
  }
  get dtype(): DType {
    return this.node.dtype;
  }
}

/** Nodes that are computed again together in the backward pass: see remat.ts. */
export interface Region {
  /** The enclosing region. */
  readonly parent: Region | undefined;
  /** Nodes in order, with those of inner regions. */
  readonly nodes: NodeId[];
}

/** Collects nodes; equal computations become one node (common-subexpression elimination as the graph grows). */
export class Builder {
  readonly #nodes: AnyNode[] = [];
  readonly #known = new Map<string, NodeId>();
  readonly #scopes: string[] = [];
  readonly #regions = new Map<NodeId, Region>();
  #region: Region | undefined;

  /** Number of nodes. */
  get size(): number {
    return this.#nodes.length;
  }

  /** Appends an operation, or returns an equal one. @throws GraphError with op, operand types and origin. */
  emit<O extends OpName>(op: O, inputs: readonly Value[], attrs: OpAttrs[O]): Value {
    for (const input of inputs) {
      if (input.builder !== this) throw new GraphError(`operand of ${op} belongs to another graph`);
    }
    const ids = inputs.map(input => input.id);
    const key = `${op}|${ids.join(',')}|${encodeAttrs(attrs)}`;
    const known = this.#known.get(key);
    if (known !== undefined) return new Value(this, known);

    const row: OpRow<OpAttrs[O]> = OPS[op];
    const scope = this.#scopes.join(' / ');
    let spec: TensorSpec;
    try {
      if (row.arity !== undefined && row.arity !== inputs.length) {
        throw new GraphError(`expected ${row.arity} operands, got ${inputs.length}`);
      }
      spec = row.infer(inputs, attrs);
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      const types = inputs.map(formatType).join(', ');
      throw new GraphError(`${op}(${types})${scope ? ` in ${scope}` : ''}: ${error.message}`, { cause: error });
    }
    const node: Node<O> = { op, inputs: ids, attrs, shape: spec.shape, dtype: spec.dtype, scope };
    const id = this.#nodes.push(node as AnyNode) - 1;
    this.#known.set(key, id);
    if (this.#region) this.#regions.set(id, this.#region);
    for (let region = this.#region; region; region = region.parent) region.nodes.push(id);
    return new Value(this, id);
  }

  nodeAt(id: NodeId): AnyNode {
    const node = this.#nodes[id];
    if (node === undefined) throw new GraphError(`node ${id} does not exist`);
    return node;
  }

  valueAt(id: NodeId): Value {
    return new Value(this, id);
  }

  /** Runs `build`; every node that it emits gets this origin. */
  scope<T>(name: string, build: () => T): T {
    this.#scopes.push(name);
    try {
      return build();
    } finally {
      this.#scopes.pop();
    }
  }

  /** Runs `build`; every new node that it emits belongs to one region. */
  region<T>(build: () => T): T {
    const parent = this.#region;
    this.#region = { parent, nodes: [] };
    try {
      return build();
    } finally {
      this.#region = parent;
    }
  }

  /** The innermost region of a node. */
  regionOf(id: NodeId): Region | undefined {
    return this.#regions.get(id);
  }

  input(name: string, spec: TensorSpec): Value {
    return this.emit('input', [], { name, shape: spec.shape, dtype: spec.dtype });
  }

  state(name: string, spec: TensorSpec): Value {
    return this.emit('state', [], { name, shape: spec.shape, dtype: spec.dtype });
  }

  constant(values: readonly number[], shape: Shape, dtype: DType = 'f32'): Value {
    return this.emit('constant', [], { values, shape, dtype });
  }

  /** The graph of the nodes that outputs and writes depend on. */
  finish(outputs: Readonly<Record<string, Value>>, writes: Readonly<Record<string, Value>> = {}): Graph {
    const ids = (values: Readonly<Record<string, Value>>) =>
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, value.id]));
    return eliminateDeadCode({ nodes: this.#nodes, outputs: ids(outputs), writes: ids(writes) });
  }
}

export interface Traced {
  readonly outputs: Readonly<Record<string, Value>>;
  /** Values of named state after the run. */
  readonly writes?: Readonly<Record<string, Value>>;
}

/** Builds a graph by running `build` on symbolic values. */
export function trace(build: (builder: Builder) => Traced): Graph {
  const builder = new Builder();
  const { outputs, writes } = build(builder);
  return builder.finish(outputs, writes);
}
