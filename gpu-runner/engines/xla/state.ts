/** @file State as tensors on the device. A run takes the memory of a tensor that it reads and writes. */
import type { State, Tensors } from '../../compiler/engine.ts';
import { GraphError, requireSpec } from '../../compiler/shapes.ts';
import type { Tensor, TensorSpec } from '../../compiler/tensor.ts';
import type { XlaClient } from './pjrt/client.ts';
import type { DeviceBuffer } from './pjrt/device-buffer.ts';

export class XlaState implements State {
  readonly #client: XlaClient;
  readonly #buffers = new Map<string, DeviceBuffer>();
  /** Names of tensors whose memory a failed run took. */
  readonly #lost = new Set<string>();
  readonly #disposed: (state: XlaState) => void;

  constructor(client: XlaClient, disposed: (state: XlaState) => void) {
    this.#client = client;
    this.#disposed = disposed;
  }

  get names(): readonly string[] {
    return [...this.#buffers.keys()];
  }

  belongsTo(client: XlaClient): boolean {
    return this.#client === client;
  }

  set(tensors: Tensors): void {
    for (const [name, tensor] of Object.entries(tensors)) this.replace(name, this.#client.upload(tensor));
  }

  async read(names: readonly string[] = this.names): Promise<Record<string, Tensor>> {
    const copies = names.map(async (name): Promise<[string, Tensor]> => {
      const buffer = this.#find(name);
      if (buffer === undefined) throw new GraphError(`there is no state named "${name}"`);
      return [name, await buffer.readTensor()];
    });
    return Object.fromEntries(await Promise.all(copies));
  }

  /** @throws GraphError if the tensor is missing or has another type. */
  require(name: string, spec: TensorSpec): DeviceBuffer {
    return requireSpec(this.#find(name), spec, `state "${name}"`);
  }

  #find(name: string): DeviceBuffer | undefined {
    if (!this.#lost.has(name)) return this.#buffers.get(name);
    throw new GraphError(`state "${name}" was lost when a run failed: set it again, as a checkpoint has it`);
  }

  move(from: string, to?: string): void {
    const buffer = this.#find(from);
    if (buffer === undefined) throw new GraphError(`there is no state named "${from}"`);
    this.#buffers.delete(from);
    if (to === undefined) buffer.dispose();
    else this.replace(to, buffer);
  }

  /** Takes a buffer over, and frees the one that it replaces. */
  replace(name: string, buffer: DeviceBuffer): void {
    this.#buffers.get(name)?.dispose();
    this.#buffers.set(name, buffer);
    this.#lost.delete(name);
  }

  /** Drops tensors whose memory a failed run took. */
  dropDonated(): void {
    for (const [name, buffer] of this.#buffers) {
      if (!buffer.isDonated) continue;
      buffer.dispose();
      this.#buffers.delete(name);
      this.#lost.add(name);
    }
  }

  dispose(): void {
    for (const buffer of this.#buffers.values()) buffer.dispose();
    this.#buffers.clear();
    this.#disposed(this);
  }
}
