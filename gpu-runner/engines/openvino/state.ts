/** @file State in our own typed arrays, of which OpenVINO has views: a run reads the front one of a pair and writes the back one. */
import type { State, Tensors } from '../../compiler/engine.ts';
import { GraphError } from '../../compiler/shapes.ts';
import { emptyTensor, type Tensor, type TensorSpec } from '../../compiler/tensor.ts';
import type { Handle, OpenVino } from './ffi.ts';

/** A tensor and the library's view of its memory; keeping the one keeps the other valid. */
export interface View {
  readonly tensor: Tensor;
  readonly handle: Handle;
}

export function createView(api: OpenVino, tensor: Tensor): View {
  return { tensor, handle: api.wrapTensor(tensor) };
}

interface Slot extends TensorSpec {
  front: View;
  back?: View;
}

export class OpenVinoState implements State {
  readonly slots = new Map<string, Slot>();
  readonly #api: OpenVino;

  constructor(api: OpenVino) {
    this.#api = api;
  }

  get names(): readonly string[] {
    return [...this.slots.keys()];
  }

  set(tensors: Tensors): void {
    for (const [name, tensor] of Object.entries(tensors)) {
      const front = createView(this.#api, { ...tensor, data: tensor.data.slice() });
      this.#release(this.slots.get(name));
      this.slots.set(name, { shape: tensor.shape, dtype: tensor.dtype, front });
    }
  }

  read(names = this.names): Promise<Record<string, Tensor>> {
    const tensors: Record<string, Tensor> = {};
    for (const name of names) {
      const slot = this.slots.get(name);
      if (slot === undefined) throw new GraphError(`there is no state named "${name}"`);
      tensors[name] = { ...slot.front.tensor, data: slot.front.tensor.data.slice() };
    }
    return Promise.resolve(tensors);
  }

  /** Where a run writes: the back buffer, made when it is first needed. What is not in the state yet gets a view of its own. */
  target(name: string, spec: TensorSpec): View {
    const slot = this.slots.get(name);
    if (slot === undefined) return createView(this.#api, emptyTensor(spec));
    slot.back ??= createView(this.#api, emptyTensor(spec));
    return slot.back;
  }

  /** After the run: what it wrote is in front. */
  swap(name: string, spec: TensorSpec, written: View): void {
    const slot = this.slots.get(name);
    if (slot === undefined) {
      this.slots.set(name, { ...spec, front: written });
    } else {
      slot.back = slot.front;
      slot.front = written;
    }
  }

  dispose(): void {
    for (const slot of this.slots.values()) this.#release(slot);
    this.slots.clear();
  }

  #release(slot: Slot | undefined): void {
    if (slot === undefined) return;
    this.#api.freeTensor(slot.front.handle);
    if (slot.back !== undefined) this.#api.freeTensor(slot.back.handle);
  }
}
