/** @file State as pairs of buffers: a run reads the front one of each and writes the back one, and they swap when it has succeeded. */
import type { State, Tensors } from '../compiler/engine.ts';
import { GraphError, isSameShape, requireSpec } from '../compiler/shapes.ts';
import type { Tensor, TensorSpec } from '../compiler/tensor.ts';

/** How an engine holds a tensor; `V` is its own handle of the memory. */
export interface ViewRules<V> {
  /** A view of values that are the state's own from here on. */
  create(tensor: Tensor): V;
  /** Copies on the host, by name. */
  read(views: ReadonlyMap<string, Slot<V>>): Promise<Record<string, Tensor>>;
  /** Gives the memory back. */
  release(view: V): void;
}

/** A tensor of the state: what it is and where. */
export interface Slot<V> extends TensorSpec {
  readonly front: V;
  /** Where the next run may write; absent until a run has written the tensor, or memory was laid aside for it. */
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

  /** What a run reads. @throws GraphError when there is no such tensor, or one of another type. */
  front(name: string, spec: TensorSpec): V {
    return requireSpec(this.#slots.get(name), spec, `state "${name}"`).front;
  }

  /** Where a run may write; undefined: it makes a view of its own, which is its to release until {@link swap} takes it. */
  back(name: string, spec: TensorSpec): V | undefined {
    const slot = this.#slots.get(name);
    return slot && isSameType(slot, spec) ? slot.back : undefined;
  }

  /** After the run: what it wrote is in front. */
  swap(name: string, spec: TensorSpec, written: V): void {
    const slot = this.#slots.get(name);
    if (slot?.back !== undefined && slot.back !== written) this.#rules.release(slot.back);
    const fits = slot !== undefined && isSameType(slot, spec);
    if (slot !== undefined && !fits) this.#rules.release(slot.front);
    this.#slots.set(name, { shape: spec.shape, dtype: spec.dtype, front: written, ...(fits && { back: slot.front }) });
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
