/**
 * @file Rematerialization: the inside of a marked function is not kept for the backward pass but computed again there, from its inputs
 * (jax.checkpoint is the model). What is computed again hangs on the gradient that comes in and on all that left the region before, by
 * {@link after}: so no engine can merge it with the first computation, run it before its turn, or put off what the one before still owes,
 * such as the gradients of weights, and hold on to its inside meanwhile.
 */
import { after } from './functions.ts';
import type { NodeId } from './graph.ts';
import type { Builder, Region, Value } from './trace.ts';

/**
 * Runs `build`, whose values {@link grad} computes again where the backward pass needs them; its results are equal bit by bit, with it or
 * without. Values from outside that `build` uses are kept, as are its results where something outside needs them. What depends on nothing
 * but state and constants is computed once. It may be nested.
 */
export function remat<T>(builder: Builder, build: () => T): T {
  return builder.region(build);
}

/** The values that the rules of one backward walk see: the first computation's outside regions, the second's inside. */
export class Recomputation {
  readonly #builder: Builder;
  /** By region that was entered: what has to be there before anything in it is computed again. */
  readonly #gates = new Map<Region, readonly Value[]>();
  /** Nodes outside the regions that were entered last, to which gradients went from inside. */
  readonly #reached = new Set<NodeId>();
  readonly #values = new Map<Region, Map<NodeId, Value>>();

  constructor(builder: Builder) {
    this.#builder = builder;
  }

  /** The walk has come to node `id` with its cotangent: computes again the regions that it is the first to enter. */
  enter(id: NodeId, cotangent: Value, cotangents: ReadonlyMap<NodeId, Value>): void {
    const region = this.#builder.regionOf(id);
    if (region === undefined || this.#gates.has(region)) return;
    const owed = [...this.#reached].flatMap(reached => cotangents.get(reached) ?? []);
    this.#reached.clear();
    this.#enterRegion(region, [cotangent, ...owed]);
  }

  /** A gradient goes from node `user` to its operand. */
  leave(user: NodeId, operand: NodeId): void {
    const region = this.#builder.regionOf(user);
    if (region && !isWithin(this.#builder.regionOf(operand), region)) this.#reached.add(operand);
  }

  /** The value of node `id` as the backward rule of node `user`, an operand's user or the node itself, is to see it. */
  valueFor(user: NodeId, id: NodeId): Value {
    return this.#valueIn(this.#builder.regionOf(user), id);
  }

  #enterRegion(region: Region | undefined, gate: readonly Value[]): void {
    if (region === undefined || this.#gates.has(region)) return;
    // From outside in: an inner region starts from what the outer one computed again.
    this.#enterRegion(region.parent, gate);
    this.#gates.set(region, gate);
    for (const id of region.nodes) {
      const node = this.#builder.nodeAt(id);
      if (node.inputs.length === 0) continue;
      const scope = node.scope ? `${node.scope} / recomputed` : 'recomputed';
      this.#builder.scope(scope, () => {
        const inputs = node.inputs.map(input => this.#valueIn(region, input));
        this.#valuesOf(region).set(id, this.#builder.emit(node.op, inputs, node.attrs));
      });
    }
  }

  #valueIn(region: Region | undefined, id: NodeId): Value {
    if (region === undefined) return this.#builder.valueAt(id);
    const values = this.#valuesOf(region);
    const known = values.get(id);
    if (known !== undefined) return known;
    const value = this.#keep(this.#valueIn(region.parent, id), this.#gates.get(region));
    values.set(id, value);
    return value;
  }

  /** A value from outside a region. State and constants are there at any time. */
  #keep(value: Value, gate: readonly Value[] | undefined): Value {
    const { op } = value.node;
    return gate === undefined || op === 'state' || op === 'constant' ? value : after(value, gate);
  }

  #valuesOf(region: Region): Map<NodeId, Value> {
    const known = this.#values.get(region);
    if (known !== undefined) return known;
    const values = new Map<NodeId, Value>();
    this.#values.set(region, values);
    return values;
  }
}

function isWithin(inner: Region | undefined, outer: Region): boolean {
  for (let region = inner; region; region = region.parent) if (region === outer) return true;
  return false;
}
