/**
 * @file State as pairs of buffers: a run reads the front buffers and writes the back ones. They swap if it succeeds.
 */
import type { State, Tensors } from '../compiler/engine.ts';
import { GraphError, isSameShape, requireSpec } from '../compiler/shapes.ts';
import type { Tensor, TensorSpec } from '../compiler/tensor.ts';

/** How an engine holds a tensor. `V` is the engine's handle of its memory. */
export interface ViewRules<V> {
  /** Makes a view of values that the state owns from then on. */
  create(tensor: Tensor): V;
  /** Copies tensors to the host, by name. */
  read(views: ReadonlyMap<string, Slot<V>>): Promise<Record<string, Tensor>>;
  /** Frees the memory of a view. */
  release(view: V): void;
}

/** Type and buffers of a tensor of the state. */
export interface Slot<V> extends TensorSpec {
  readonly front: V;
  /** Buffer for the next write; absent until a run has written the tensor. */
  readonly back?: V;
}

export class DoubleBufferedState<V> implements State {
  readonly #slots = new Map<string, Slot<V>>();
  readonly #rules: ViewRules<V>;

  constructor(rules: ViewRules<V>) {
    this.#rules = rules;
  }

  get names(): readonly string[] {
    return [...this.#slots.keys()];
  }

  set(tensors: Tensors): void {
    for (const [name, tensor] of Object.entries(tensors)) {
      const front = this.#rules.create({ ...tensor, data: tensor.data.slice() });
      this.#release(this.#slots.get(name));
      this.#slots.set(name, { shape: tensor.shape, dtype: tensor.dtype, front });
    }
  }

  async read(names: readonly string[] = this.names): Promise<Record<string, Tensor>> {
    const wanted = new Map<string, Slot<V>>();
    for (const name of names) {
      const slot = this.#slots.get(name);
      if (slot === undefined) throw new GraphError(`there is no state named "${name}"`);
      wanted.set(name, slot);
    }
    return this.#rules.read(wanted);
  }

  /** The view that a run reads. @throws GraphError if the tensor is missing or has another type. */
  front(name: string, spec: TensorSpec): V {
    return requireSpec(this.#slots.get(name), spec, `state "${name}"`).front;
  }

  /** The view that a run may write. If undefined, the run makes a view and owns it until {@link swap} takes it. */
  back(name: string, spec: TensorSpec): V | undefined {
    const slot = this.#slots.get(name);
    return slot && isSameType(slot, spec) ? slot.back : undefined;
  }

  /** After the run: makes the written view the front one. */
  swap(name: string, spec: TensorSpec, written: V): void {
    const slot = this.#slots.get(name);
    if (slot?.back !== undefined && slot.back !== written) this.#rules.release(slot.back);
    const fits = slot !== undefined && isSameType(slot, spec);
    if (slot !== undefined && !fits) this.#rules.release(slot.front);
    this.#slots.set(name, { shape: spec.shape, dtype: spec.dtype, front: written, ...(fits && { back: slot.front }) });
  }

  move(from: string, to?: string): void {
    const slot = this.#slots.get(from);
    if (slot === undefined) throw new GraphError(`there is no state named "${from}"`);
    this.#slots.delete(from);
    if (to === undefined) this.#release(slot);
    else this.#slots.set(to, slot);
  }

  dispose(): void {
    for (const slot of this.#slots.values()) this.#release(slot);
    this.#slots.clear();
  }

  #release(slot: Slot<V> | undefined): void {
    if (slot === undefined) return;
    this.#rules.release(slot.front);
    if (slot.back !== undefined) this.#rules.release(slot.back);
  }
}

function isSameType(a: TensorSpec, b: TensorSpec): boolean {
  return a.dtype === b.dtype && isSameShape(a.shape, b.shape);
}
