/** @file A tensor in the memory of a device. */
import { Internal } from '../../../../errors.ts';
import {
  BYTES_PER_ELEMENT,
  type DType,
  emptyTensor,
  type Shape,
  sizeOf,
  type Tensor,
  type TensorSpec,
} from '../../../compiler/tensor.ts';
import type { ClientParts } from './client-parts.ts';
import type { Address } from './ffi.ts';

export class DeviceBuffer implements TensorSpec {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly #owner: ClientParts;
  #handle: Address | undefined;

  constructor(owner: ClientParts, handle: Address, { shape, dtype }: TensorSpec) {
    this.shape = shape;
    this.dtype = dtype;
    this.#owner = owner;
    this.#handle = handle;
    owner.buffers.add(this);
  }

  /** @throws Internal after {@link dispose}. */
  get handle(): Address {
    if (this.#handle === undefined) throw new Internal('a tensor on the device was used after it was freed');
    return this.#handle;
  }

  /** Address in the memory of the device. */
  get deviceAddress(): Address {
    return this.#owner.calls.call('PJRT_Buffer_UnsafePointer', { buffer: this.handle }).address('buffer_pointer');
  }

  /** True after a program took the memory for its result. */
  get isDonated(): boolean {
    return this.#owner.calls.call('PJRT_Buffer_IsDeleted', { buffer: this.handle }).number('is_deleted') !== 0;
  }

  /**
   * Copies to the host as soon as the programs that make the tensor have run.
   * @param into As many bytes as the tensor has. @throws the error of these programs.
   */
  async read(into: ArrayBufferView): Promise<void> {
    const bytes = sizeOf(this.shape) * BYTES_PER_ELEMENT[this.dtype];
    if (into.byteLength !== bytes) throw new Internal(`${into.byteLength} bytes cannot take a tensor of ${bytes}`);
    if (bytes === 0) return;
    const copy = this.#owner.calls.call('PJRT_Buffer_ToHostBuffer', { src: this.handle, dst: into, dst_size: bytes });
    await this.#owner.track(copy.address('event'), into);
  }

  /** A copy on the host. @throws the error of the programs that make the tensor. */
  async readTensor(): Promise<Tensor> {
    const tensor = emptyTensor(this);
    await this.read(tensor.data);
    return tensor;
  }

  dispose(): void {
    if (this.#handle === undefined) return;
    this.#owner.calls.call('PJRT_Buffer_Destroy', { buffer: this.#handle });
    this.#handle = undefined;
    this.#owner.buffers.delete(this);
  }
}
