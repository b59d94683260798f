/** @file State in GPU buffers. It is copied when it is set or read, and stays on the device between runs. */
import type { Tensor, TensorSpec } from '../../compiler/tensor.ts';
import { DoubleBufferedState } from '../double-buffered-state.ts';
import type { GpuBuffer } from './gpu-buffer.ts';
import { download, type Placed, upload } from './gpu-copies.ts';

/** A tensor of the state: on the host until a run first reads it, then on the device. */
export interface GpuView {
  host?: Tensor;
  buffer?: GpuBuffer;
}

/** Number of tensors copied to the device and to the host. */
export interface Transfers {
  readonly toDevice: number;
  readonly toHost: number;
}

export class GpuState extends DoubleBufferedState<GpuView> {
  readonly #transfers: { toDevice: number; toHost: number };
  readonly #onDispose: (state: GpuState) => void;

  /** @param onDispose Called after the state has freed its buffers. */
  constructor(onDispose: (state: GpuState) => void) {
    const transfers = { toDevice: 0, toHost: 0 };
    super({
      create: host => ({ host }),
      async read(slots) {
        const tensors: Record<string, Tensor> = {};
        const placed = new Map<string, Placed>();
        for (const [name, { shape, dtype, front }] of slots) {
          if (front.buffer) placed.set(name, { shape, dtype, buffer: front.buffer });
          else if (front.host) tensors[name] = { ...front.host, data: front.host.data.slice() };
        }
        for (const [name, tensor] of await download(placed)) tensors[name] = tensor;
        transfers.toHost += placed.size;
        return Object.fromEntries([...slots.keys()].flatMap(name => (tensors[name] ? [[name, tensors[name]]] : [])));
      },
      release(view) {
        view.buffer?.dispose();
        delete view.buffer;
        delete view.host;
      },
    });
    this.#transfers = transfers;
    this.#onDispose = onDispose;
  }

  /** Copies since the state was made. */
  get transfers(): Transfers {
    return { ...this.#transfers };
  }

  /**
   * The buffers that a run reads; uploads tensors still on the host.
   * @throws GraphError if one is missing or mistyped.
   */
  async frontBuffers(specs: ReadonlyMap<string, TensorSpec>): Promise<Map<string, GpuBuffer>> {
    const views = new Map([...specs].map(([name, spec]) => [name, this.front(name, spec)]));
    const pending = new Map([...views].flatMap(([name, { host }]) => (host ? [[name, host] as const] : [])));
    for (const [name, buffer] of await upload(pending)) {
      const view = views.get(name);
      if (view === undefined) continue;
      view.buffer = buffer;
      delete view.host;
      this.#transfers.toDevice += 1;
    }
    return new Map([...views].flatMap(([name, { buffer }]) => (buffer ? [[name, buffer] as const] : [])));
  }

  override dispose(): void {
    super.dispose();
    this.#onDispose(this);
  }
}
