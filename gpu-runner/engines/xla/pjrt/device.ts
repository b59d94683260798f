/** @file A device of a client: its kind, attributes and memory. */
import { type PjrtCalls, XlaError } from './calls.ts';
import type { Address } from './ffi.ts';
import { type NamedValues, readNamedValues } from './named-values.ts';
import type { FieldName } from './structs.ts';

/** Bytes of a device's memory, as its allocator counts them; absent: the allocator does not know. */
export interface DeviceMemory {
  readonly inUse: number;
  readonly peakInUse?: number;
  /** The most that the allocator takes. */
  readonly limit?: number;
  readonly reserved?: number;
  readonly largestFreeBlock?: number;
}

export class XlaDevice {
  readonly handle: Address;
  /** Such as "NVIDIA H100 80GB HBM3" and "cpu". */
  readonly kind: string;
  /** Such as `compute_capability` ("9.0") and `core_count`. */
  readonly attributes: NamedValues;
  readonly #calls: PjrtCalls;

  constructor(calls: PjrtCalls, handle: Address) {
    this.#calls = calls;
    this.handle = handle;
    const description = calls.call('PJRT_Device_GetDescription', { device: handle }).address('device_description');
    this.kind = calls
      .call('PJRT_DeviceDescription_Kind', { device_description: description })
      .text('device_kind', 'device_kind_size');
    const told = calls.call('PJRT_DeviceDescription_Attributes', { device_description: description });
    this.attributes = readNamedValues(told.address('attributes'), told.number('num_attributes'));
  }

  /** Undefined if the platform does not count, as the CPU. */
  readMemory(): DeviceMemory | undefined {
    const told = this.#countMemory();
    if (told === undefined) return undefined;
    type Name = FieldName<'PJRT_Device_MemoryStats_Args'>;
    const optional = <K extends string>(key: K, value: Name, isSet: Name) =>
      told.number(isSet) === 0 ? {} : ({ [key]: told.number(value) } as Record<K, number>);
    return {
      inUse: told.number('bytes_in_use'),
      ...optional('peakInUse', 'peak_bytes_in_use', 'peak_bytes_in_use_is_set'),
      ...optional('limit', 'bytes_limit', 'bytes_limit_is_set'),
      ...optional('reserved', 'bytes_reserved', 'bytes_reserved_is_set'),
      ...optional('largestFreeBlock', 'largest_free_block_bytes', 'largest_free_block_bytes_is_set'),
    };
  }

  #countMemory() {
    try {
      return this.#calls.call('PJRT_Device_MemoryStats', { device: this.handle });
    } catch (error) {
      if (error instanceof XlaError && error.reason === 'UNIMPLEMENTED') return undefined;
      throw error;
    }
  }
}
