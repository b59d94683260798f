/**
 * @file A PJRT client: devices, tensors on them, and compiled programs. A plugin crashes the process if an object is
 * used after its client has gone, or freed twice. So the client frees all that it made, in the right order, and refuses
 * later calls.
 */
import { Internal } from '../../../../errors.ts';
import { type DType, sizeOf, type Tensor } from '../../../compiler/tensor.ts';
import type { ClientParts, Disposable } from './client-parts.ts';
import { XlaDevice } from './device.ts';
import { DeviceBuffer } from './device-buffer.ts';
import { packProgram } from './executables.ts';
import type { Address } from './ffi.ts';
import { LoadedProgram } from './loaded-program.ts';
import { type NamedValues, packNamedValues } from './named-values.ts';
import type { PjrtPlugin } from './plugin.ts';
import { BUFFER_TYPES, HOST_SEMANTICS, readAddresses } from './structs.ts';

const ELEMENT_TYPES: Readonly<Record<DType, number>> = {
  bool: BUFFER_TYPES.PJRT_Buffer_Type_PRED,
  i32: BUFFER_TYPES.PJRT_Buffer_Type_S32,
  f16: BUFFER_TYPES.PJRT_Buffer_Type_F16,
  bf16: BUFFER_TYPES.PJRT_Buffer_Type_BF16,
  f32: BUFFER_TYPES.PJRT_Buffer_Type_F32,
};

export class XlaClient {
  readonly plugin: PjrtPlugin;
  readonly devices: readonly XlaDevice[];
  /** Such as "cpu" and "cuda". */
  readonly platform: string;
  /** Names the versions of the driver and of libraries, if the platform has any. */
  readonly platformVersion: string;
  readonly #parts: ClientParts;
  readonly #pending = new Set<Promise<void>>();
  #handle: Address | undefined;

  /** @param options Such as `cpu_device_count`, and `preallocate` for CUDA. @throws XlaError if there is no device. */
  static async open(plugin: PjrtPlugin, options: NamedValues = {}): Promise<XlaClient> {
    const packed = packNamedValues(options);
    const created = await plugin.calls.callAsync('PJRT_Client_Create', {
      create_options: packed,
      num_options: Object.keys(options).length,
    });
    return new XlaClient(plugin, created.address('client'));
  }

  private constructor(plugin: PjrtPlugin, client: Address) {
    const { calls } = plugin;
    this.plugin = plugin;
    this.#handle = client;
    const list = calls.call('PJRT_Client_AddressableDevices', { client });
    this.devices = readAddresses(list.address('addressable_devices'), list.number('num_addressable_devices')).map(
      device => new XlaDevice(calls, device),
    );
    this.platform = calls.call('PJRT_Client_PlatformName', { client }).text('platform_name', 'platform_name_size');
    this.platformVersion = calls
      .call('PJRT_Client_PlatformVersion', { client })
      .text('platform_version', 'platform_version_size');
    this.#parts = {
      calls,
      platform: this.platform,
      buffers: new Set<Disposable>(),
      programs: new Set<Disposable>(),
      track: (event, kept) => this.#track(event, kept),
    };
  }

  get device(): XlaDevice {
    const [device] = this.devices;
    if (device === undefined) throw new Internal('the client has no device');
    return device;
  }

  /** Copies a tensor to the first device. The caller may change the array at once. */
  upload(tensor: Tensor): DeviceBuffer {
    const { buffer, event } = this.#send(tensor, HOST_SEMANTICS.PJRT_HostBufferSemantics_kImmutableOnlyDuringCall);
    // Without a further copy of the array, the event is that of the transfer alone.
    void this.#track(event, tensor.data);
    return buffer;
  }

  /** As {@link upload}, without a copy on the host: the array must not change until `sent`. */
  feed(tensor: Tensor): { readonly buffer: DeviceBuffer; readonly sent: Promise<void> } {
    const semantics = HOST_SEMANTICS.PJRT_HostBufferSemantics_kImmutableUntilTransferCompletes;
    const { buffer, event } = this.#send(tensor, semantics);
    return { buffer, sent: this.#track(event, tensor.data) };
  }

  #send(tensor: Tensor, semantics: number): { readonly buffer: DeviceBuffer; readonly event: Address } {
    const { shape, dtype, data } = tensor;
    if (data.length !== sizeOf(shape)) {
      throw new Internal(`${data.length} numbers are not a tensor of shape [${shape.join(', ')}]`);
    }
    const sent = this.plugin.calls.call('PJRT_Client_BufferFromHostBuffer', {
      client: this.#require(),
      // An empty array has no address.
      data: data.length === 0 ? new Uint8Array(1) : data,
      type: ELEMENT_TYPES[dtype],
      dims: shape.length === 0 ? null : BigInt64Array.from(shape, BigInt),
      num_dims: shape.length,
      host_buffer_semantics: semantics,
      device: this.device.handle,
    });
    return {
      buffer: new DeviceBuffer(this.#parts, sent.address('buffer'), tensor),
      event: sent.address('done_with_host_buffer'),
    };
  }

  /**
   * Compiles in another thread.
   * @param text A StableHLO module. @param options Bytes of {@link encodeCompileOptions}.
   * @throws XlaError with line and column if XLA does not accept the text.
   */
  async compile(text: string, options: Uint8Array): Promise<LoadedProgram> {
    const made = await this.#busy(
      this.plugin.calls.callAsync('PJRT_Client_Compile', {
        client: this.#require(),
        program: packProgram(text),
        compile_options: options,
        compile_options_size: options.length,
      }),
    );
    return new LoadedProgram(this.#parts, made.address('executable'));
  }

  /**
   * Loads a serialized program in another thread. XLA does not notice damaged bytes: the caller checks a digest.
   * @throws XlaError if the bytes are no program.
   */
  async load(bytes: Uint8Array): Promise<LoadedProgram> {
    const made = await this.#busy(
      this.plugin.calls.callAsync('PJRT_Executable_DeserializeAndLoad', {
        client: this.#require(),
        serialized_executable: bytes,
        serialized_executable_size: bytes.length,
      }),
    );
    return new LoadedProgram(this.#parts, made.address('loaded_executable'));
  }

  /** Waits for all programs and copies, then frees tensors, programs and the client. */
  async dispose(): Promise<void> {
    const client = this.#require();
    this.#handle = undefined;
    while (this.#pending.size > 0) await Promise.allSettled(this.#pending);
    for (const buffer of [...this.#parts.buffers]) buffer.dispose();
    for (const program of [...this.#parts.programs]) program.dispose();
    this.plugin.calls.call('PJRT_Client_Destroy', { client });
  }

  #track(event: Address, kept?: object): Promise<void> {
    return this.#busy(this.plugin.calls.awaitEvent(event, kept));
  }

  #busy<T>(work: Promise<T>): Promise<T> {
    const ended = work.then(
      () => {},
      () => {},
    );
    this.#pending.add(ended);
    void ended.finally(() => this.#pending.delete(ended));
    return work;
  }

  #require(): Address {
    if (this.#handle === undefined) throw new Internal('a client of XLA was used after it was closed');
    return this.#handle;
  }
}
