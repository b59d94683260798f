/**
 * @file Rematerialization (as in jax.checkpoint): values inside a marked function are not kept for the backward pass.
 * It computes them again from the inputs of the function. The recomputation takes the incoming gradient as a dependency
 * ({@link after}). So an engine can neither merge it with the first computation nor start it early. It also depends on
 * the gradients that left the region before it, such as those of weights. So an engine cannot put these off, and the
 * inside of that region is freed first.
 */
import { after } from './functions.ts';
import type { NodeId } from './graph.ts';
import type { Builder, Region, Value } from './trace.ts';

/**
 * Runs `build` as a region: {@link grad} computes its inner values again in the backward pass. The graph adds up the
 * same numbers in the same order, so it gives the same bits as it stands; passes and engines that reorder sums may do
 * so in another way, and then the last bits differ. Values from outside that `build` reads are kept, and results that
 * something outside reads. A value that depends only on state and constants is computed once. Regions may be nested.
 */
export function remat<T>(builder: Builder, build: () => T): T {
  return builder.region(build);
}

/** Values for the rules of one backward walk: recomputed inside regions, those of the forward pass outside. */
export class Recomputation {
  readonly #builder: Builder;
  /** Per entered region: values that must be computed before the region is computed again. */
  readonly #gates = new Map<Region, readonly Value[]>();
  /** Nodes outside the regions entered last that received gradients from inside. */
  readonly #reached = new Set<NodeId>();
  readonly #values = new Map<Region, Map<NodeId, Value>>();

  constructor(builder: Builder) {
    this.#builder = builder;
  }

  /** Called when the walk reaches node `id`. Computes its regions again, unless the walk has entered them before. */
  enter(id: NodeId, cotangent: Value, cotangents: ReadonlyMap<NodeId, Value>): void {
    const region = this.#builder.regionOf(id);
    if (region === undefined || this.#gates.has(region)) return;
    const owed = [...this.#reached].flatMap(reached => cotangents.get(reached) ?? []);
    this.#reached.clear();
    this.#enterRegion(region, [cotangent, ...owed]);
  }

  /** Called when a gradient flows from node `user` to its operand. */
  leave(user: NodeId, operand: NodeId): void {
    const region = this.#builder.regionOf(user);
    if (region && !isWithin(this.#builder.regionOf(operand), region)) this.#reached.add(operand);
  }

  /** The value of node `id` for the backward rule of `user`; `id` is `user` itself or one of its operands. */
  valueFor(user: NodeId, id: NodeId): Value {
    return this.#valueIn(this.#builder.regionOf(user), id);
  }

  #enterRegion(region: Region | undefined, gate: readonly Value[]): void {
    if (region === undefined || this.#gates.has(region)) return;
    // Outer regions first: an inner region starts from the recomputed values of the outer one.
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

  /** Makes a value from outside a region wait for the gate. State and constants need no gate. */
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
